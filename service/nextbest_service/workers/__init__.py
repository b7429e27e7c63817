"""Several processes that serve one address: a supervisor starts, watches and replaces them.

Workers are started anew, never forked: gRPC and OpenMP do not survive a fork. See docs/adr/0026.
"""
