"""The retries that the guide to clients asks for, as a gRPC service config."""

import json
from typing import Any

RETRIES = {
    "methodConfig": [
        {
            "name": [{"service": "nextbest.v1.DecisionService", "method": "Decide"}],
            "waitForReady": True,
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.02s",
                "maxBackoff": "0.2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
            },
        }
    ]
}
OPTIONS: list[tuple[str, Any]] = [
    ("grpc.service_config", json.dumps(RETRIES)),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.use_local_subchannel_pool", 1),
]
"""Of a channel with these retries and a connection of its own: by default channels share one."""
