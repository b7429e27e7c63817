"""Brings files of profiles, features, events, outcomes and products straight into the store."""
