"""Read a provider's answer, which may hold anything: types, ranges and sizes are checked here, for all providers.

A parser reads its document through a `Reader`:

    answer = Reader(document)
    return MediaPage(
        media=answer.items("photos", parse_photo),
        total_results=answer.integer("total_results", default=0),
        warnings=tuple(answer.warnings),
    )

The rules are the same everywhere. Fields that nobody reads do not matter. A value that is missing, null, of another
type, out of range or too long has the field's default; without a default the whole answer is unreadable. A list keeps
its good items, and a warning counts the others. What cannot be read raises `UnreadableError`, which
`client.call_provider` turns into a `ProviderError`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, overload

from pydantic_core import from_json

T = TypeVar("T")
D = TypeVar("D")

INTEGER_LIMIT = 10**9
"""The largest count, size or time in a provider's answer; tokens, bytes and milliseconds of one call stay below it."""

STRING_LIMIT = 8192
"""Characters of a name, a code or a URL. Content (a text, a base64 file) has no limit but the answer's own."""

NAME_LIMIT = 256
"""Characters of the name of a model."""

PARSE_ERRORS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a parser may raise for an answer that it cannot read."""

_REQUIRED: Any = object()


class UnreadableError(ValueError):
    """A value that the result needs is missing or cannot be used. The message names the field, never the value."""


def as_string(value: object, *, limit: int | None = STRING_LIMIT) -> str | None:
    """Return a string of 1 to `limit` characters that can be written as UTF-8, None for anything else."""
    if not isinstance(value, str) or not 0 < len(value) <= (limit or len(value)):
        return None
    return value if value.isascii() else mend_surrogates(value)


def as_integer(value: object, *, limit: int = INTEGER_LIMIT) -> int | None:
    """Return a whole number from 0 to `limit`, None for anything else.

    JSON has one type of numbers, so 5.0 is 5. True, "5" and 1.5 are not whole numbers.
    """
    if type(value) is int:  # nearly always; true and false are of another type
        return value if 0 <= value <= limit else None
    if value is None:
        return None
    number = as_number(value, limit=limit)
    return int(number) if number is not None and number == int(number) else None


def as_number(value: object, *, limit: float = INTEGER_LIMIT) -> float | None:
    """Return a finite number from 0 to `limit`, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0 <= value <= limit and math.isfinite(value) else None


def as_object(value: object) -> dict[str, Any]:
    """Return the value if it is an object, an empty one if it is anything else."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return the value if it is a list, an empty one if it is anything else."""
    return value if isinstance(value, list) else []


class Reader:
    """An object in a provider's answer. `warnings` is shared by all readers of one answer."""

    __slots__ = ("_path", "document", "warnings")

    def __init__(self, document: object, *, path: str = "", warnings: list[str] | None = None) -> None:
        """Read `document`; anything but an object has no fields."""
        self.document = as_object(document)
        self.warnings: list[str] = [] if warnings is None else warnings
        self._path = path

    def __contains__(self, name: str) -> bool:
        """Return whether the field is there and not null."""
        return self.document.get(name) is not None

    @overload
    def string(self, name: str, *, limit: int | None = STRING_LIMIT) -> str: ...
    @overload
    def string(self, name: str, *, default: D, limit: int | None = STRING_LIMIT) -> str | D: ...
    def string(self, name: str, *, default: Any = _REQUIRED, limit: int | None = STRING_LIMIT) -> Any:
        """Return a string of 1 to `limit` characters: a name, a code, a URL."""
        return self._or_default(name, as_string(self.document.get(name), limit=limit), default, kind="a string")

    @overload
    def text(self, name: str) -> str: ...
    @overload
    def text(self, name: str, *, default: D) -> str | D: ...
    def text(self, name: str, *, default: Any = _REQUIRED) -> Any:
        """Return content: a string of any length, which may be empty."""
        value = self.document.get(name)
        return self._or_default(name, value if isinstance(value, str) else None, default, kind="a string")

    @overload
    def integer(self, name: str, *, limit: int = INTEGER_LIMIT) -> int: ...
    @overload
    def integer(self, name: str, *, default: D, limit: int = INTEGER_LIMIT) -> int | D: ...
    def integer(self, name: str, *, default: Any = _REQUIRED, limit: int = INTEGER_LIMIT) -> Any:
        """Return a whole number from 0 to `limit`."""
        value = as_integer(self.document.get(name), limit=limit)
        return self._or_default(name, value, default, kind=f"a whole number from 0 to {limit}")

    @overload
    def number(self, name: str, *, limit: float = INTEGER_LIMIT) -> float: ...
    @overload
    def number(self, name: str, *, default: D, limit: float = INTEGER_LIMIT) -> float | D: ...
    def number(self, name: str, *, default: Any = _REQUIRED, limit: float = INTEGER_LIMIT) -> Any:
        """Return a number from 0 to `limit`."""
        value = as_number(self.document.get(name), limit=limit)
        return self._or_default(name, value, default, kind=f"a number from 0 to {limit}")

    def boolean(self, name: str, *, default: bool) -> bool:
        """Return True or False."""
        value = self.document.get(name)
        return value if isinstance(value, bool) else default

    def child(self, name: str, *, required: bool = False) -> Reader:
        """Return a reader of the object in a field; it has no fields if there is none and none is required."""
        value = self.document.get(name)
        if required and not isinstance(value, dict):
            raise UnreadableError(f"`{self._name(name)}` is not an object")
        return Reader(value, path=self._name(name), warnings=self.warnings)

    def array(self, name: str) -> list[Any]:
        """Return the list in a field, whose items have not been checked."""
        value = self.document.get(name)
        if not isinstance(value, list):
            raise UnreadableError(f"`{self._name(name)}` is not a list")
        return value

    def items(self, name: str, parse: Callable[[Reader], T]) -> list[T]:
        """Return what `parse` makes of each object in a list, without those that it cannot read.

        Raises `UnreadableError` if there is no list, or if nothing in it can be read.
        """
        items = self.array(name)
        good: list[T] = []
        for index, item in enumerate(items):
            if isinstance(item, dict):
                with suppress(*PARSE_ERRORS):
                    good.append(parse(Reader(item, path=f"{self._name(name)}[{index}]", warnings=self.warnings)))
        if items and not good:
            raise UnreadableError(f"`{self._name(name)}` has no item that can be read")
        if bad := len(items) - len(good):
            self.warnings.append(f"{bad} of {len(items)} {name} could not be read and {_were(bad)} left out")
        return good

    def _or_default(self, name: str, value: object, default: object, *, kind: str) -> object:
        if value is not None:
            return value
        if default is _REQUIRED:
            raise UnreadableError(f"`{self._name(name)}` is not {kind}")
        return default

    def _name(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name


def load_json(content: bytes | str, *, keep_surrogates: bool = False) -> Any:
    """Return the JSON value in `content`. Raises ValueError.

    Half of a surrogate pair, written as an escape, becomes U+FFFD. With `keep_surrogates` it stays: its other half may
    come in the next piece of a stream (`SurrogateJoiner`).
    """
    try:
        return from_json(content)
    except ValueError:
        if (b"\\u" if isinstance(content, bytes) else "\\u") not in content:  # type: ignore[operator]
            raise
    try:
        value = json.loads(content)
        return value if keep_surrogates else json.loads(mend_surrogates(json.dumps(value, ensure_ascii=False)))
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error


def mend_surrogates(string: str) -> str:
    """Join the halves of surrogate pairs, and replace each half without the other by U+FFFD."""
    return string.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class SurrogateJoiner:
    """Joins surrogate pairs across the pieces of a stream, so that every piece can be written as UTF-8."""

    def __init__(self) -> None:
        self._half = ""

    def feed(self, piece: str) -> str:
        """Return the piece without a half at its end, which goes before the next one."""
        if not self._half:
            try:
                piece.encode()
            except UnicodeEncodeError:  # there is a half in it
                pass
            else:
                return piece
        piece = self._half + piece
        self._half = piece[-1:] if "\ud800" <= piece[-1:] <= "\udbff" else ""
        return mend_surrogates(piece[: len(piece) - len(self._half)])

    @property
    def has_half(self) -> bool:
        """Whether a half waits for the next piece."""
        return bool(self._half)

    def finish(self) -> str:
        """Return what the last piece left over."""
        half, self._half = self._half, ""
        return mend_surrogates(half)


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
