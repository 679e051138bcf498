"""One JSON line per request, and one per failure. Prompts, outputs and secrets never stand in a line.

`access` fields: request_id, worker, method, route (the pattern, not the path), status, ms, and where a provider was
called: provider, model, upstream_ms, input_units, output_units.
"""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

Level = Literal["info", "warning", "error"]
Write = Callable[[Level, str], None]

_TOKEN = re.compile(
    r"\bsk-(?=[\w-]{0,200}\d)[\w-]{20,}|\bde_(?:live|test)_[a-z0-9]{8,}_\w{16,}|\bgh[opsur]_[A-Za-z0-9]{30,}"
    r"|\bgithub_pat_\w{22,}|\bglpat-[\w-]{20,}|\bxox[abps]-[\w-]{20,}|\bnpm_[A-Za-z0-9]{36}\b|\bA[KS]IA[A-Z0-9]{16}\b"
    r"|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:(?!-----BEGIN).)*?-----END (?:[A-Z]+ )*PRIVATE KEY-----",
    re.DOTALL | re.ASCII,
)
_CREDENTIAL = re.compile(
    r"(?i)((?:\b(?:bearer|token|basic)\s+"
    r"|(?:api[-_ ]?key|authorization|secret|password|token)(?: provided)?(?:[\"']?\s*[:=]\s*[\"']?|[\"'],\s*[\"']))"
    r"(?:(?:bearer|token|basic)\s+)?)[^\s\"',;&]{6,}"
    r"|\b(?:sk|de_live|de_test|gh[opsur]|github_pat)[-_][A-Za-z0-9_-]{8,}"
)


def redact(text: str) -> str:
    """`text` with whatever looks like a credential replaced by `***`."""
    return _CREDENTIAL.sub(lambda match: (match.group(1) or "") + "***", text)


def redact_tokens(text: str) -> str:
    """`text` with what only a credential looks like (by its vendor's prefix) replaced by `***`.

    For source code, where `redact` would take every `token = …` for one.
    """
    return _TOKEN.sub("***", text)


def timestamp() -> str:
    """Now, in ISO 8601, UTC, with milliseconds and `Z`."""
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


class Logger:
    """Writes lines of one worker. `fields` given to a call stand beside `level`, `event`, `worker` and `timestamp`."""

    def __init__(self, *, worker: str, write: Write, pretty: bool = False) -> None:
        self._worker = worker
        self._write = write
        self._pretty = pretty

    def info(self, event: str, **fields: Any) -> None:
        """Something that went as it should."""
        self._emit("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Something that was survived."""
        self._emit("warning", event, fields)

    def error(self, event: str, *, cause: BaseException | None = None, **fields: Any) -> None:
        """A failure; `cause` adds its traceback, redacted."""
        if cause is not None:
            fields["traceback"] = redact("".join(traceback.format_exception(cause)))
        self._emit("error", event, fields)

    def _emit(self, level: Level, event: str, fields: dict[str, Any]) -> None:
        known = {name: value for name, value in fields.items() if value is not None}
        if self._pretty:
            trace = known.pop("traceback", "")
            line = f"{event:<8} " + " ".join(f"{name}={value}" for name, value in known.items())
            self._write(level, f"{line}\n{trace}".rstrip())
        else:
            record = {"timestamp": timestamp(), "level": level, "worker": self._worker, "event": event, **known}
            self._write(level, json.dumps(record, ensure_ascii=False, separators=(",", ":"), default=str))
