"""Load with Locust: users of websites, agents of contact centres, and campaigns that reach out.

    make locust                                     # a minute, against a service that it starts itself
    make locust HOST=127.0.0.1:50051                # against yours
    locust -f benchmarks/locustfile.py --host 127.0.0.1:50051    # with the web page
    locust -f benchmarks/locustfile.py --headless -u 50 -r 50 -t 1m --tags web --host ...

See docs/guides/load-testing.md.
"""

import sys
from pathlib import Path

import grpc.experimental.gevent

sys.path.insert(0, str(Path(__file__).parents[1]))  # Locust puts the folder of this file there, not the root

# Locust's users are greenlets: without this the first one to wait for an answer would stop all others.
grpc.experimental.gevent.init_gevent()

from benchmarks.traffic import options  # noqa: E402 - gRPC must be made ready first
from benchmarks.traffic.contact_centre import ContactCentreUser  # noqa: E402
from benchmarks.traffic.orchestrator import OrchestratorUser  # noqa: E402
from benchmarks.traffic.web import WebUser  # noqa: E402

__all__ = ["ContactCentreUser", "OrchestratorUser", "WebUser", "options"]
