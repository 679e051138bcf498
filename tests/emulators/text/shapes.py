"""The shape of a JSON document that a prompt asks for, from an example (`templates.py`) or a schema (`schemas.py`).

A hint is the text that describes a value: a placeholder, a comment, or the description of a schema.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Fixed:
    """A value that the document copies: a boolean, null, or a constant."""

    value: object


@dataclass(frozen=True, slots=True)
class Text:
    """A string. `options` are its only values; `format` is one of JSON Schema."""

    hint: str = ""
    options: tuple[str, ...] = ()
    min_length: int = 0
    max_length: int | None = None
    format: str = ""


@dataclass(frozen=True, slots=True)
class Number:
    """A number. `sample` is the one of the example."""

    hint: str = ""
    sample: float | None = None
    integer: bool = True
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class Array:
    """A list: `items` are those of the example, and the last one repeats; `open_ended` ones may have any length."""

    items: tuple[Shape, ...]
    open_ended: bool = True
    min_items: int = 0
    max_items: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """An object with its fields in the order of the example."""

    fields: dict[str, Shape] = field(default_factory=dict)


Shape = Fixed | Text | Number | Array | Record
