"""How sure a number is: intervals over images, differences over seeds."""
