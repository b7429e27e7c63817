"""Has the kernels compiled for this machine, once and in processes of their own.

Compiling takes the better part of a minute and 250 MB, which the process that did it keeps: none that serves
should. What was compiled is kept where `nextbest_models.scoring.compiling` says. Where nothing can be kept,
each process compiles for itself.
"""

import hashlib
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import structlog

import nextbest_models
import nextbest_service
from nextbest_models.scoring.kernel_sources import kernel_sources

PARTS = (("states", "16"), ("32",))
"""What each of the processes compiles that work at the same time; see `compiling`.

A model whose trees have more leaves than 32 is compiled by whoever loads it first.
"""
_MODELS, _SERVICE = Path(nextbest_models.__file__).parent, Path(nextbest_service.__file__).parent
_PACKAGES = (_MODELS / "scoring", _MODELS / "state_codec", _SERVICE / "decision_log", _SERVICE / "decisions")
_COMPILERS = ("numba", "llvmlite", "numpy")
_COMPILE = (sys.executable, "-m", "nextbest_service.compiling")
_PROCESSOR = Path("/proc/cpuinfo")

log = structlog.get_logger()


def ensure_compiled() -> bool:
    """Compile all kernels, unless that was done on this machine; return whether they are compiled now.

    Services can do without: then they start slower, and take more memory.
    """
    done = _done()
    if done is None:
        return False
    if done.exists():
        return True
    log.info("compiling", hint="once for each version on each machine; takes up to a minute")
    compilers = [subprocess.Popen([*_COMPILE, *part]) for part in PARTS]  # noqa: S603
    codes = [compiler.wait() for compiler in compilers]
    if any(codes):
        log.warning("not_compiled", hint="each process compiles for itself, which takes time and memory")
        return False
    done.touch()
    return True


def _done() -> Path | None:
    """Return the file that says that all is compiled; None where nothing can be kept."""
    own = os.environ.get("NUMBA_CACHE_DIR")
    beside, at_home = _PACKAGES[0] / "__pycache__", Path.home() / ".cache" / "nextbest"
    for directory in [Path(own)] if own else [beside, at_home]:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(directory, os.W_OK):
            return directory / f"kernels-{_digest()}.compiled"
    return None


def _digest() -> str:
    """Return what changes with the kernels, with what compiles them, and with the processor."""
    compilers = [(name, version(name)) for name in _COMPILERS]
    digest = hashlib.sha256(f"{sys.version} {compilers} {_processor()}".encode())
    for source in kernel_sources(_PACKAGES):
        digest.update(source)
    return digest.hexdigest()[:16]


def _processor() -> str:
    """Return what the processor is and can do."""
    if not _PROCESSOR.exists():
        return f"{platform.machine()} {platform.processor()}"
    first = _PROCESSOR.read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
    told = (
        line for line in first.splitlines() if line.startswith(("model name", "flags", "Features", "CPU "))
    )
    return "\n".join(told)
