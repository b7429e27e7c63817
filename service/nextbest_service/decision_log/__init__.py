"""The decision log: what was decided, what it rested on and what came of it, for people, analysts and models."""
