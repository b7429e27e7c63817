"""One module per kind of rule: each says what it leaves of the live actions, and why it stops the others."""
