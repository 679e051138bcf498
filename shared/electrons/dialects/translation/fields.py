"""Read a caller's request for a translation: what has the wrong type, or no counterpart, is refused by its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from electrons.errors import RequestError


class Fields:
    """An object in a request.

    Its place is as OpenAI writes it, `messages[0].content[1].type`, or as Anthropic does: `messages.0.content.1.type`.
    """

    __slots__ = ("document", "is_dotted", "place", "target")

    def __init__(self, document: Mapping[str, Any], *, target: str, place: str = "", is_dotted: bool = False) -> None:
        """Read `document` for the models of `target`, which the errors name; `is_dotted` is Anthropic's way."""
        self.document = document
        self.target = target
        self.place = place
        self.is_dotted = is_dotted

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
        return self.wrong(name, f"is not supported for {self.target}{f'; {hint}' if hint else ''}")

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
        return self.inner(value, name)

    def inner(self, document: Mapping[str, Any], name: str) -> Fields:
        """Return the reader of a document that is, or stands for, a field."""
        return Fields(document, target=self.target, place=self.place_of(name), is_dotted=self.is_dotted)

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
                raise self.wrong(self._item(name, index), "must be an object")
            yield self.inner(item, self._item(name, index))

    def strings(self, name: str) -> list[str]:
        """Return the strings of a list, which may be missing."""
        values = self.array(name)
        for index, value in enumerate(values):
            if not isinstance(value, str):
                raise self.wrong(self._item(name, index), "must be a string")
        return values

    def _item(self, name: str, index: int) -> str:
        return f"{name}.{index}" if self.is_dotted else f"{name}[{index}]"
