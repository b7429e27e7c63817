"""Decisions for files of customers: outbound campaigns, by the very engine that serves."""
