"""What operators ask of a running service and do to it."""
