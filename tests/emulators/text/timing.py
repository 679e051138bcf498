"""The durations of sections: their limits, their share of the whole, their sum."""

import re

from .names import is_duration, split_name
from .prose import Writer
from .shapes import Array, Number, Record, Shape, Text

_MAX_SHIFT = 4


def has_time(shape: Shape) -> bool:
    """Return whether a section has a duration, or a start and an end."""
    return isinstance(shape, Record) and any(
        is_duration(name) or not {"start", "end"}.isdisjoint(split_name(name)) for name in shape.fields
    )


def find_limits(array: Array) -> tuple[int, int] | None:
    """Return the range in the hint of an example's duration, or one around its sample."""
    for item in array.items:
        fields = item.fields if isinstance(item, Record) else {}
        for name, shape in fields.items():
            if not is_duration(name):
                continue
            hint = shape.hint if isinstance(shape, Number | Text) else ""
            if found := re.search(r"(\d+)\s*(?:-|\u2013|to)\s*(\d+)", hint):
                return int(found[1]), max(int(found[1]), int(found[2]))
            if isinstance(shape, Number) and shape.sample and shape.sample > 0:
                return max(1, round(shape.sample * 0.8)), max(1, round(shape.sample * 1.2))
    return None


def split_seconds(total: int | None, count: int, limits: tuple[int, int], writer: Writer) -> list[int]:
    """Return a duration for each section; with a total, they add up to it even where the limits do not allow it."""
    least, greatest = limits
    if not total:
        return [writer.number(least, greatest) for _ in range(count)]
    shares = [total // count + (1 if at < total % count else 0) for at in range(count)]
    for at in range(0, count - 1, 2):
        room = min(greatest - shares[at], shares[at + 1] - least, _MAX_SHIFT)
        moved = writer.number(1, room) if room > 0 else 0
        shares[at] += moved
        shares[at + 1] -= moved
    return shares


def sum_seconds(items: object) -> float | None:
    """Return the sum of the durations in a list of sections, or `None` without any."""
    sections = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    durations = [
        value
        for section in sections
        for name, value in section.items()
        if is_duration(name) and isinstance(value, int | float)
    ]
    return sum(durations) if durations else None


def format_seconds(seconds: int, sample: str) -> str:
    """Return a duration in the form of a sample such as `30 seconds`, `30s` or `0:30`."""
    if re.search(r"\d+:\d\d", sample):
        return f"{seconds // 60}:{seconds % 60:02d}"
    found = re.search(r"\d+(\s*s[a-z]*)", sample)
    return f"{seconds}{found[1] if found else ' seconds'}"
