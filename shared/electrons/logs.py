"""Write one JSON line per request, and one per failure. Prompts, outputs and secrets never appear in a line.

`access` fields: request_id, worker, method, route (the pattern, not the path), status, ms, and where a provider was
called: provider, model, upstream_ms, input_units, output_units.
"""

from __future__ import annotations

import json
import re
import time
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

from pydantic import ValidationError
from pydantic_core import to_json

Level = Literal["info", "warning", "error"]
Write = Callable[[Level, str], None]

_TOKEN = re.compile(
    r"\bsk-(?=[\w-]{0,200}\d)[\w-]{20,}|\bde_(?:live|test)_[a-z0-9]{8,}_\w{16,}|\bgh[opsur]_[A-Za-z0-9]{30,}"
    r"|\bgithub_pat_\w{22,}|\bglpat-[\w-]{20,}|\bxox[abps]-[\w-]{20,}|\bnpm_[A-Za-z0-9]{36}\b|\bA[KS]IA[A-Z0-9]{16}\b"
    r"|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:(?!-----BEGIN).)*?-----END (?:[A-Z]+ )*PRIVATE KEY-----",
    re.DOTALL | re.ASCII,
)
_CREDENTIAL = re.compile(
    r"(?i)(?P<label>(?:\b(?:bearer|token|basic)\s+"
    r"|(?P<name>api[-_ ]?key|authorization|secret|password|token)(?: provided)?"
    r"(?:[\"']?\s*[:=]\s*[\"']?|[\"'],\s*[\"']))"
    r"(?:(?:bearer|token|basic)\s+)?)(?P<value>[^\s\"',;&]{6,})"
    r"|\b(?:sk|de_live|de_test|gh[opsur]|github_pat)[-_][A-Za-z0-9_-]{8,}"
)
_WORD = re.compile(r"[A-Za-z][a-z]{2,18}[.:!?)]*")
"""A word as in "The access token expired." Credentials have digits, capitals in the middle, or are longer."""

_EPOCH = datetime(1970, 1, 1)  # in UTC, as all times here

_QUOTED = re.compile(r"'[^'\n]{40,}'|\"[^\"\n]{40,}\"")
_MESSAGE_LIMIT = 500

_CAUSED = "\nThe above exception was the cause of the following one:\n\n"


def redact(text: str) -> str:
    """Return the text with whatever looks like a credential replaced by `***`."""
    return _CREDENTIAL.sub(_conceal, text)


def _conceal(match: re.Match[str]) -> str:
    label, value = match["label"] or "", match["value"]
    # After a name and a separator any text can be a password; a space alone separates words.
    after_space = label[-1:].isspace() and (match["name"] or "").lower() not in {"secret", "password"}
    return match[0] if value and after_space and _WORD.fullmatch(value) else f"{label}***"


def redact_tokens(text: str) -> str:
    """Return the text with what only a credential looks like (by its vendor's prefix) replaced by `***`.

    For source code, where `redact` would replace every `token = …`.
    """
    return _TOKEN.sub("***", text)


def describe_exception(error: BaseException) -> str:
    """Return the type of an exception, and its message unless that may quote the data that it failed at."""
    quotes_data = isinstance(error, ValueError | LookupError | TypeError | AttributeError)
    return type(error).__name__ if quotes_data else f"{type(error).__name__}: {_message(error)}"


def format_traceback(error: BaseException) -> str:
    """Return the traceback of an exception and its causes. Credentials, inputs and long quotations are left out."""
    parts: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        frames = traceback.format_tb(current.__traceback__)
        heading = ["Traceback (most recent call last):\n"] if frames else []
        parts.append("".join([*heading, *frames, f"{_type_name(current)}: {_message(current)}\n"]))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return _CAUSED.join(reversed(parts))


def _type_name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _message(error: BaseException) -> str:
    if isinstance(error, ValidationError):
        kinds = sorted({problem["type"] for problem in error.errors(include_url=False, include_input=False)})
        return f"{error.error_count()} errors in {error.title}: {', '.join(kinds)}"
    # Some errors (`ProviderError`) have other words for the log than for the caller.
    text = getattr(error, "log_message", None) or str(error)
    return redact(_QUOTED.sub("'…'", text))[:_MESSAGE_LIMIT]


def timestamp(*, seconds_ago: float = 0) -> str:
    """Return the current time, or an earlier one, in ISO 8601, UTC, with milliseconds and `Z`."""
    seconds, milliseconds = divmod(int((time.time() - seconds_ago) * 1000), 1000)
    return f"{_format_second(seconds)}.{milliseconds:03}Z"


@lru_cache(maxsize=4)
def _format_second(seconds: int) -> str:
    # In a Worker, what asks for the present date calls JavaScript.
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()


class Logger:
    """Writer of one worker's log lines. A line has the call's `fields`, `level`, `event`, `worker` and `timestamp`."""

    def __init__(self, *, worker: str, write: Write, pretty: bool = False) -> None:
        self._worker = worker
        self._write = write
        self._pretty = pretty

    def info(self, event: str, **fields: Any) -> None:
        """Log something that went as expected."""
        self._emit("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Log a problem that did not stop the request, or an expected failure."""
        self._emit("warning", event, fields)

    def error(self, event: str, *, cause: BaseException | None = None, **fields: Any) -> None:
        """Log a failure; `cause` adds its traceback, redacted."""
        if cause is not None:
            fields["traceback"] = format_traceback(cause)
        self._emit("error", event, fields)

    def _emit(self, level: Level, event: str, fields: dict[str, Any]) -> None:
        known = {name: value for name, value in fields.items() if value is not None}
        if self._pretty:
            trace = known.pop("traceback", "")
            line = f"{event:<8} " + " ".join(f"{name}={value}" for name, value in known.items())
            self._write(level, f"{line}\n{trace}".rstrip())
        else:
            record = {"timestamp": timestamp(), "level": level, "worker": self._worker, "event": event, **known}
            self._write(level, _encode(record))


def _encode(record: dict[str, Any]) -> str:
    try:
        return to_json(record, fallback=str).decode()
    except ValueError:  # half of a surrogate pair, which is not UTF-8
        return json.dumps(record, default=str)
