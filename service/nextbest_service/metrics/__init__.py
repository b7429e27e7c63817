"""What the service counts of its own work, and where it is read."""
