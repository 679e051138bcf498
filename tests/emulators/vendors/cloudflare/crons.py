"""Cron expressions as Cron Triggers read them: five fields in UTC, with Sunday as 1.

Source: https://developers.cloudflare.com/workers/configuration/cron-triggers/. The emulator has no `L`, `W` and `#`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_PART = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?")


@dataclass(frozen=True, slots=True)
class Cron:
    """The minutes, hours, days of the month, months and days of the week of an expression."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def matches(self, time: datetime) -> bool:
        """Return whether a minute of UTC is one of the expression.

        If both kinds of days are restricted, one of them is enough.
        """
        on_day, on_weekday = time.day in self.days, time.isoweekday() % 7 + 1 in self.weekdays
        on_date = on_day and on_weekday if self.any_day or self.any_weekday else on_day or on_weekday
        return on_date and time.minute in self.minutes and time.hour in self.hours and time.month in self.months


def parse_cron(text: str) -> Cron:
    """Parse an expression. Raises `ValueError`."""
    fields = text.split(" ")
    if len(fields) != 5:
        raise ValueError(f"{text!r} does not have five fields")
    minutes, hours, days, months, weekdays = fields
    return Cron(
        _parse_field(minutes, 0, 59),
        _parse_field(hours, 0, 23),
        _parse_field(days, 1, 31),
        _parse_field(months, 1, 12, names=_MONTHS),
        _parse_field(weekdays, 1, 7, names=_DAYS),
        any_day=days == "*",
        any_weekday=weekdays == "*",
    )


def _parse_field(text: str, low: int, high: int, *, names: Sequence[str] = ()) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        found = _PART.fullmatch(part)
        if found is None:
            raise ValueError(f"{part!r} is not a part of a cron expression")
        step = int(found["step"] or 1)
        first = low if found["first"] == "*" else _parse_value(found["first"], low, names)
        # `5/10` goes on to the end, `5` alone does not.
        open_end = found["first"] == "*" or (found["step"] and not found["last"])
        last = high if open_end else _parse_value(found["last"] or found["first"], low, names)
        if step < 1 or not low <= first <= last <= high:
            raise ValueError(f"{part!r} is not within {low}-{high}")
        values.update(range(first, last + 1, step))
    return frozenset(values)


def _parse_value(text: str, low: int, names: Sequence[str]) -> int:
    if text.isdecimal():
        return int(text)
    if text.upper() not in names:
        raise ValueError(f"{text!r} is not a number")
    return names.index(text.upper()) + low
