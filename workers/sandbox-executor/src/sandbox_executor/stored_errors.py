"""The errors with which an execution ends, and their way through JSON to whoever waits for it."""

from __future__ import annotations

from typing import Any

from electrons.errors import ElectronsError, ProviderError, UnavailableError
from sandbox_executor.storage.executions import (
    CANCELLED,
    CANCELLED_MESSAGE,
    CANCELLED_STATUS,
    INTERRUPTED,
    INTERRUPTED_MESSAGE,
)

Stored = dict[str, Any]

_NOT_STORED = {"content", "result"}


def store_error(error: ElectronsError) -> Stored:
    """Return an error as JSON, without its result and without what it was caused by."""
    fields = {name: value for name, value in vars(error).items() if name not in _NOT_STORED}
    return {"kind": type(error).__name__, "fields": fields}


def restore_error(stored: Stored) -> ElectronsError:
    """Return the error again. One of a class that is gone becomes an `ElectronsError`."""
    kind = _kinds(ElectronsError).get(stored["kind"], ElectronsError)
    fields = stored["fields"]
    error = kind.__new__(kind, fields["message"])
    vars(error).update(fields, result=None, headers=[(name, value) for name, value in fields["headers"]])
    if isinstance(error, ProviderError):
        error.content = b""
    return error


def interrupted() -> UnavailableError:
    """Return the error of what was begun, and did not come to its end."""
    return UnavailableError(INTERRUPTED_MESSAGE, code=INTERRUPTED)


def cancelled() -> ElectronsError:
    """Return the error of an execution whose caller has left."""
    error = ElectronsError(CANCELLED_MESSAGE, code=CANCELLED)
    error.status = CANCELLED_STATUS
    return error


def _kinds(base: type[ElectronsError]) -> dict[str, type[ElectronsError]]:
    found = {base.__name__: base}
    for kind in base.__subclasses__():
        found |= _kinds(kind)
    return found
