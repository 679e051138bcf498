"""Shotstack's merge fields: replace each `{{ FIND }}` in an edit with the value of the field, within fixed limits.

Source: https://shotstack.io/docs/guide/architecting-an-application/merging-data/. A short request can merge into a huge
edit, so the size is counted before a replacement is inserted, not after.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BYTES_LIMIT = 4 * 1024 * 1024
"""Bytes of a merged edit as JSON, the same as those of a request."""

VALUES_LIMIT = 50_000
"""Strings, numbers, lists and objects in a merged edit, together."""

DEPTH_LIMIT = 64
"""Levels of lists and objects."""

# Fields that are strings in every part of Shotstack's schema: there, a number is merged as its digits.
TEXT_FIELDS = frozenset({
    "alias", "aspectRatio", "color", "css", "ellipsis", "family", "filter", "fit", "format", "html", "js", "language",
    "name", "position", "prompt", "quality", "resolution", "scaleTo", "shape", "src", "text", "textTransform", "title",
    "type", "voice",
})  # fmt: skip

# Braces end the search, which keeps it linear in the length of the text.
_PLACEHOLDER = re.compile(r"\{\{([^{}]+)\}\}")
_NUMBER_BYTES = 8
_LARGEST_EXACT_INTEGER = 2**53


class InvalidEditError(ValueError):
    """An edit that cannot be merged or sent. `path` leads to the value at fault; `message` is for the caller."""

    def __init__(self, path: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measure:
    """How large a replacement is: bytes of JSON, values, levels."""

    size: int
    values: int
    depth: int


def merge(edit: Any, fields: Mapping[str, Any]) -> Any:
    """Return a copy of `edit` with each placeholder replaced. Raises `InvalidEditError`.

    A string that is nothing but a placeholder becomes the replacement itself, whatever its type, unless its field takes
    only strings. Placeholders within replacements are not replaced. Numbers that are not finite, or that JavaScript
    reads as infinite, are refused.
    """
    return _Merger(fields).copy(edit, name="")


class _Merger:
    """One pass over one edit. `size`, `values` and `depth` measure what has been copied so far."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.size = self.values = self.depth = 0
        self._fields = {find.strip(): value for find, value in fields.items()}
        self._measures: dict[str, _Measure] = {}
        self._path: list[str | int] = []

    def copy(self, value: Any, *, name: str) -> Any:
        """Return the merged copy of a value; `name` is that of the field it belongs to, empty within lists."""
        if isinstance(value, str):
            return self._copy_string(value, name=name)
        self._add(size=_NUMBER_BYTES, values=1, depth=0)
        if isinstance(value, list):
            return [self._copy_child(item, key=number, name="") for number, item in enumerate(value)]
        if isinstance(value, dict):
            return {key: self._copy_child(item, key=key, name=key) for key, item in value.items()}
        if isinstance(value, int | float) and not -sys.float_info.max <= value <= sys.float_info.max:
            raise self._error("must be a finite number")
        return value

    def _copy_child(self, value: Any, *, key: str | int, name: str) -> Any:
        self._path.append(key)
        self._add(size=len(name), values=0, depth=0)
        copied = self.copy(value, name=name)
        self._path.pop()
        return copied

    def _copy_string(self, text: str, *, name: str) -> Any:
        self._add(size=_json_size(text), values=1, depth=0)
        if "{{" not in text:
            return text
        whole = _PLACEHOLDER.fullmatch(text)
        find = whole[1].strip() if whole else None
        if find is None or find not in self._fields:
            return _PLACEHOLDER.sub(self._replacement_text, text)
        value, measure = self._fields[find], self._measure(find)
        self._add(size=measure.size, values=measure.values, depth=measure.depth)
        return _number_text(value) if name in TEXT_FIELDS and isinstance(value, int | float) else value

    def _replacement_text(self, found: re.Match[str]) -> str:
        find = found[1].strip()
        if find not in self._fields:
            return found[0]
        value = self._fields[find]
        self._add(size=self._measure(find).size, values=0, depth=0)
        if isinstance(value, list | dict):
            raise self._error(f"the merge field `{find}` is a list or an object, which cannot be part of a string")
        if value is None:
            return ""
        return value if isinstance(value, str) else _number_text(value)

    def _measure(self, find: str) -> _Measure:
        """Measure a replacement, once. Raises `InvalidEditError`."""
        if find not in self._measures:
            counter = _Merger({})
            try:
                counter.copy(self._fields[find], name="")
            except InvalidEditError as error:
                raise self._error(error.message) from error
            self._measures[find] = _Measure(size=counter.size, values=counter.values, depth=counter.depth)
        return self._measures[find]

    def _add(self, *, size: int, values: int, depth: int) -> None:
        self.size += size
        self.values += values
        self.depth = max(self.depth, len(self._path) + depth)
        if self.size > BYTES_LIMIT:
            raise self._error(f"must not make the edit larger than {BYTES_LIMIT} bytes, merge fields included")
        if self.values > VALUES_LIMIT:
            raise self._error(f"must not make the edit longer than {VALUES_LIMIT} values, merge fields included")
        if self.depth > DEPTH_LIMIT:
            raise self._error(f"must not be nested deeper than {DEPTH_LIMIT} levels")

    def _error(self, message: str) -> InvalidEditError:
        return InvalidEditError(tuple(self._path), message)


def _json_size(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode(errors="surrogatepass"))


def _number_text(value: float) -> str:
    """Return a number or a boolean as JavaScript writes it."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= _LARGEST_EXACT_INTEGER:
        value = int(value)
    return json.dumps(value)
