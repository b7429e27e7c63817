"""A running service at a glance: what its metrics say of the last moments."""
