"""What can be wrong with stored feature states."""


class StateError(Exception):
    """Stored bytes are something else, or of another dictionary. The message names no value."""


class UnknownSchemaError(StateError):
    """A state was written under a specification that this codec has not learnt; `schema_id` names it."""

    def __init__(self, schema_id: bytes) -> None:
        super().__init__(f"a stored feature state has the unknown schema {schema_id.hex()}")
        self.schema_id = schema_id
