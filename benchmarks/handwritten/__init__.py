"""What one would write by hand in an afternoon: grpc.aio, redis-py, rules over dicts, `Booster.predict`."""
