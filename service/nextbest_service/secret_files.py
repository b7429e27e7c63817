"""Secrets from files, as orchestrators hand them out: an environment is inherited, printed and dumped."""

from pathlib import Path

from nextbest_service.errors import StartupError

_MOST_BYTES = 1 << 16


def read_secret(file: Path) -> str:
    """Return the text in a file, without the white space around it.

    Raises:
        StartupError: it cannot be read, or is empty. The message repeats nothing of it.
    """
    try:
        with file.open("rb") as opened:
            secret = opened.read(_MOST_BYTES).decode().strip()
    except OSError as error:
        raise StartupError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise StartupError(f"{file} is not UTF-8 text") from None
    if not secret:
        raise StartupError(f"{file} is empty")
    return secret
