"""Collects everything that is wrong with a request, so that its sender hears it all at once."""

from dataclasses import dataclass, field

from nextbest_service.errors import FieldViolation, InvalidRequestError, UnknownReferenceError


@dataclass(slots=True)
class Findings:
    """What is wrong with a request: broken fields, and names that the catalog does not know."""

    invalid: list[FieldViolation] = field(default_factory=list)
    unknown: list[FieldViolation] = field(default_factory=list)

    def reject(self, path: str, description: str) -> None:
        """Note a field that breaks the contract."""
        self.invalid.append(FieldViolation(path, description))

    def miss(self, path: str, description: str) -> None:
        """Note a name that the catalog does not have."""
        self.unknown.append(FieldViolation(path, description))

    def require(self, holds: bool, path: str, description: str) -> bool:
        """Note a broken field unless something holds, and return whether it does."""
        if not holds:
            self.reject(path, description)
        return holds

    def raise_if_any(self) -> None:
        """End the reading if anything was found.

        Raises:
            InvalidRequestError: something breaks the contract; unknown names are listed too.
            UnknownReferenceError: there are only unknown names.
        """
        if self.invalid:
            raise InvalidRequestError(self.invalid + self.unknown)
        if self.unknown:
            raise UnknownReferenceError(self.unknown)
