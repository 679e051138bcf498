"""Errors on their way through JSON: from a Workflow to the request that waits for it."""

from __future__ import annotations

from typing import Any

from electrons.errors import ElectronsError, ProviderError

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


def _kinds(base: type[ElectronsError]) -> dict[str, type[ElectronsError]]:
    found = {base.__name__: base}
    for kind in base.__subclasses__():
        found |= _kinds(kind)
    return found
