"""What the report says of alignment, each section beside its template."""
