"""What people see of a study that runs: how far it is, what its jobs do, and why one failed."""
