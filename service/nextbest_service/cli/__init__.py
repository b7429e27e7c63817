"""The command line."""

import os

# gRPC reads this when it is imported. It writes a line of free text for each call that it cannot read: any
# caller could fill a disk with them. Whoever looks for a fault on the wire sets GRPC_VERBOSITY=ERROR.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
