"""Read a caller's request for a translation: what has the wrong type, or no counterpart, is refused by its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from electrons.errors import RequestError


class Fields:
    """An object in a request. Its place is as OpenAI writes it: `messages[0].content[1].image_url`."""

    __slots__ = ("document", "place", "vendor")

    def __init__(self, document: Mapping[str, Any], *, vendor: str, place: str = "") -> None:
        """Read `document` for a model of `vendor`, whose name is in the errors."""
        self.document = document
        self.place = place
        self.vendor = vendor

    def __contains__(self, name: str) -> bool:
        """Return whether the field is there and not null."""
        return self.document.get(name) is not None

    def place_of(self, name: str) -> str:
        """Return the place of a field."""
        return f"{self.place}.{name}" if self.place else name

    def wrong(self, name: str, problem: str) -> RequestError:
        """Return the error for a field, whose text is its place and the problem."""
        place = self.place_of(name)
        return RequestError.for_field(place, problem, text=f"`{place}` {problem}")

    def unsupported(self, name: str, hint: str = "") -> RequestError:
        """Return the error for a field without a counterpart."""
        return self.wrong(name, f"is not supported for models of {self.vendor}{f'; {hint}' if hint else ''}")

    def string(self, name: str) -> str:
        """Return a string, which may be empty."""
        value = self.document.get(name)
        if not isinstance(value, str):
            raise self.wrong(name, "must be a string")
        return value

    def boolean(self, name: str) -> bool | None:
        """Return True, False, or None for a field that is not there."""
        value = self.document.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(name, "must be true or false")
        return value

    def number(self, name: str) -> float | None:
        """Return a number, None for a field that is not there."""
        value = self.document.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise self.wrong(name, "must be a number")
        return value

    def integer(self, name: str) -> int | None:
        """Return a whole number from 1 on, None for a field that is not there."""
        value = self.document.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise self.wrong(name, "must be a whole number from 1 on")
        return value

    def child(self, name: str) -> Fields:
        """Return the object in a field, which has to be there."""
        value = self.document.get(name)
        if not isinstance(value, dict):
            raise self.wrong(name, "must be an object")
        return Fields(value, vendor=self.vendor, place=self.place_of(name))

    def array(self, name: str) -> list[Any]:
        """Return a list, an empty one for a field that is not there."""
        value = self.document.get(name)
        if value is not None and not isinstance(value, list):
            raise self.wrong(name, "must be a list")
        return value or []

    def items(self, name: str) -> Iterator[Fields]:
        """Iterate over the objects of a list, which may be missing."""
        for index, item in enumerate(self.array(name)):
            if not isinstance(item, dict):
                raise self.wrong(f"{name}[{index}]", "must be an object")
            yield Fields(item, vendor=self.vendor, place=self.place_of(f"{name}[{index}]"))

    def strings(self, name: str) -> list[str]:
        """Return the strings of a list, which may be missing."""
        values = self.array(name)
        for index, value in enumerate(values):
            if not isinstance(value, str):
                raise self.wrong(f"{name}[{index}]", "must be a string")
        return values
