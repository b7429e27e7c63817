"""Honest load: echo, this service and what one would write by hand, side by side on one core."""
