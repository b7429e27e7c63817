"""Brings a new catalog and new models into use while the service answers. See docs/adr/0029."""
