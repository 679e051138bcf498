"""The Worker Loader's error texts: what they are about, and what the author of the code needs of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sandbox_executor.worker_code import ENTRY, WorkerFiles

_MAX_LINES = 20
_MAX_CHARACTERS = 4000
_READ_CHARACTERS = 16_000
"""Of an error, before its inner frames are removed: the code may throw a text of any length."""

_START_FAILED = re.compile(r"Failed to start Worker:\s*(?:Uncaught )?")
_REFUSED = ("No such compatibility flag", "This Worker requires compatibility date", "Module name must end")
_LOADER_FAILED = re.compile(
    r"Error: (?:internal error; reference = \w+|Network connection lost\.|The process of a trial did not start\.)"
)
_CPU = "exceeded CPU time limit"

_INTERNAL_FRAME = re.compile(rf"^\s+at .*(?:pyodide\S*-internal:|pyodide:|wasm://|file://|{re.escape(ENTRY)})")
_PYTHON_FRAME = re.compile(r'^\s+File "(?:/lib/|<exec>)')
_PREFIX = re.compile(r"^(?:(?:Error|PythonError): )+")


def is_start_failure(message: str) -> bool:
    """Return whether the code could not be started at all, so that it responds to nothing."""
    return bool(_START_FAILED.search(message)) or any(text in message for text in _REFUSED)


def looks_like_loader_failure(message: str) -> bool:
    """Return whether the text is one with which the loader itself fails.

    Code can throw the same text, so this is only a reason to find out (`trial_runner.is_loader_working`).
    """
    return bool(_LOADER_FAILED.fullmatch(message))


def explain_error(message: str, files: WorkerFiles, *, cpu_ms: int) -> str:
    """Return an error text for the author of the code: the code's own frames, with its own paths, and nothing else."""
    if _CPU in message:
        return f"The code did not end within the CPU limit of {cpu_ms} ms: it computes too long, or forever"
    text = _START_FAILED.sub("", message[:_READ_CHARACTERS]).replace("/session/metadata/", files.folder)
    text = _PREFIX.sub("", text)
    lines = [line for line in _without_python_frames(text.splitlines()) if not _INTERNAL_FRAME.match(line)]
    return "\n".join(lines[:_MAX_LINES]).strip()[:_MAX_CHARACTERS]


def _without_python_frames(lines: Iterable[str]) -> Iterable[str]:
    """Yield the lines of a traceback without the frames of the standard library and the runtime."""
    dropping = False
    for line in lines:
        if line.startswith('  File "'):
            dropping = bool(_PYTHON_FRAME.match(line))
        elif not line.startswith("    "):
            dropping = False
        if not dropping:
            yield line
