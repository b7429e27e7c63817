"""Judging models by the decision log: its decisions are filled again, under the policies of other models."""
