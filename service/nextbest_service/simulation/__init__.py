"""The whole loop in a world whose truth is known: decide, observe, learn, decide better.

Everything but the customers is real: the catalog, the store, the decisions, the log, the training.
"""
