"""What a call to a provider used."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

UNITS_LIMIT = 10**9
"""No call uses more; a larger number is an error of the provider."""


class Units(NamedTuple):
    """The most units that a call can use, known before it."""

    input: int
    output: int


@dataclass(slots=True)
class Usage:
    """What one provider call used; a handler fills it as soon as it knows, so that a failure is recorded as well.

    Units are the provider's own (`unit` names them: tokens, characters, images, seconds). `input_units` contain those
    that the provider read from its prompt cache or wrote to it, which have prices of their own; what it wrote for an
    hour is contained in what it wrote. `largest_input` is the input of the largest call where these are the sums of
    several, because a long input has a higher price. `grade` is the quality that was asked for, where the price depends
    on it. `tokens` are what the vendor charges for, where that is not the unit. `upstream_ms` is the time spent waiting
    for the provider, retries and their pauses included.
    """

    provider: str
    model: str
    unit: str = "tokens"
    input_units: int = 0
    output_units: int = 0
    cache_read_units: int = 0
    cache_write_units: int = 0
    cache_write_1h_units: int = 0
    largest_input: int = 0
    grade: str = ""
    tokens: Units | None = None
    upstream_ms: int = 0

    @property
    def total_units(self) -> int:
        """Return input and output together: what a `tokens` limit counts."""
        return self.input_units + self.output_units

    def note_input(self, units: int) -> None:
        """Count the input."""
        self.input_units = units

    def note_output(self, units: int) -> None:
        """Count the output."""
        self.output_units = units

    def checked(self) -> Usage:
        """Return the same usage with values that can be counted and stored, whatever a provider has reported."""
        return Usage(
            provider=check_name(self.provider) or "unknown",
            model=check_name(self.model) or "unknown",
            unit=check_name(self.unit) or "unknown",
            input_units=check_count(self.input_units),
            output_units=check_count(self.output_units),
            cache_read_units=check_count(self.cache_read_units),
            cache_write_units=check_count(self.cache_write_units),
            cache_write_1h_units=check_count(self.cache_write_1h_units),
            largest_input=check_count(self.largest_input),
            grade=check_name(self.grade) or "",
            tokens=self.tokens and Units(*map(check_count, self.tokens)),
            upstream_ms=check_count(self.upstream_ms),
        )


def check_count(value: object) -> int:
    """Return a whole number from 0 to `UNITS_LIMIT`; 0 for what is not a number."""
    if type(value) is int and 0 <= value <= UNITS_LIMIT:  # nearly always, and cheaper than what follows
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return 0
    return min(max(round(value), 0), UNITS_LIMIT)


def check_name(value: object, *, limit: int = 512) -> str | None:
    """Return at most `limit` characters of a string that can be stored as UTF-8; None for anything else or nothing."""
    if not isinstance(value, str) or not value:
        return None
    return value[:limit] if value.isascii() else value[:limit].encode("utf-8", "replace").decode()
