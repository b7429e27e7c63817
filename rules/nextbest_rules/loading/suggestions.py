"""Which known name somebody may have meant."""

import difflib
from collections.abc import Iterable


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean '…'?` with the known name that is most alike, or nothing if none is."""
    spellings = {candidate.casefold(): candidate for candidate in sorted(known)}
    close = difflib.get_close_matches(name.casefold(), spellings, n=1)
    return f"; did you mean '{spellings[close[0]]}'?" if close else ""
