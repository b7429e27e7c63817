"""The exported decision log as arrays: what competed, what a model saw of it, what came of it.

Knows files only. `export` reads a directory in batches of `decisions`, `rows` makes their feature rows again,
exactly as they were, `outcomes` finds what happened, and `attribution` says what that means. `material` makes
something to learn from of it: of `exposures`, in the periods and with the weights of `sampling`, gathered by
`collecting`.
"""
