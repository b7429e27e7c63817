"""Reads features where Feast keeps them: in its online store in Redis, without any copy and without Feast."""
