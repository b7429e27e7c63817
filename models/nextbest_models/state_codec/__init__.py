"""Feature states as bytes: small, checked, and readable under later specifications."""

from nextbest_models.state_codec.codec import StateCodec
from nextbest_models.state_codec.failures import StateError, UnknownSchemaError
from nextbest_models.state_codec.warming import warm_up

__all__ = ["StateCodec", "StateError", "UnknownSchemaError", "warm_up"]
