"""The decision log: what was decided, what it rested on and what came of it."""
