"""What is still answered when more is asked than can be."""
