"""What a call to a provider used."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

UNITS_LIMIT = 10**9
"""No call uses more; a larger number is an error of the provider."""


class Units(NamedTuple):
    """The most units that a call can use, known before it."""

    input: int
    output: int


class Most(NamedTuple):
    """The most that a call can use; `tokens` are what the vendor charges for, where those are not the unit."""

    model: str
    input: int
    output: int
    tokens: Units | None = None

    @classmethod
    def restore(cls, fields: list[Any]) -> Self:
        """Return the one whose fields have been through JSON."""
        model, read, written, tokens = fields
        return cls(model, read, written, tokens and Units(*tokens))


@dataclass(slots=True)
class Usage:
    """What one provider call used; a handler fills it as soon as it knows, so that a failure is recorded as well.

    Units are the provider's own (`unit` names them: tokens, characters, images, seconds). `input_units` contain those
    that the provider read from its prompt cache or wrote to it, which have prices of their own; what it wrote for an
    hour is contained in what it wrote. `largest_input` is the input of the largest call where these are the sums of
    several, because a long input has a higher price. `grade` is the quality that was asked for, where the price depends
    on it. `tokens` are what the vendor charges for, where that is not the unit. `upstream_ms` is the time spent waiting
    for the provider, retries and their pauses included.

    `unknown` are calls whose outcome is not known; the units are without them. `open` is the last call that was sent:
    until units are counted for it, or `end_call` says that it cost nothing, it is one of them. So what nobody counts
    is counted as the most that it can be.
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
    unknown: tuple[Most, ...] = ()
    open: Most | None = None
    units_before: int = 0

    @classmethod
    def restore(cls, fields: dict[str, Any]) -> Self:
        """Return the usage whose fields (`dataclasses.asdict`) have been through JSON."""
        usage = cls(**fields)
        usage.tokens = usage.tokens and Units(*usage.tokens)
        usage.unknown = tuple(map(Most.restore, fields.get("unknown", ())))
        usage.open = usage.open and Most.restore(fields["open"])
        return usage

    @property
    def total_units(self) -> int:
        """Return input and output together, the most of unknown calls too: what a `tokens` limit counts."""
        return self.input_at_most + self.output_at_most

    @property
    def input_at_most(self) -> int:
        """Return the input, with the most that unknown calls can have."""
        unknown = self._find_unknown()
        return self.input_units + sum(call.input for call in unknown) if unknown else self.input_units

    @property
    def output_at_most(self) -> int:
        """Return the output, with the most that unknown calls can have."""
        unknown = self._find_unknown()
        return self.output_units + sum(call.output for call in unknown) if unknown else self.output_units

    def begin_call(self, most: Most) -> None:
        """Take note that a call is sent that may cost money."""
        self.unknown, self.open = self._find_unknown(), most
        self.units_before = self.input_units + self.output_units

    def end_call(self, *, is_unknown: bool) -> None:
        """Take note that the last call has failed: at no cost, or in a way that says nothing about it."""
        if is_unknown:
            self.unknown = self._find_unknown()
        self.open = None

    def note_input(self, units: int) -> None:
        """Count the input."""
        self.input_units = units

    def note_output(self, units: int) -> None:
        """Count the output."""
        self.output_units = units

    def checked(self) -> Usage:
        """Return the same usage with values that can be counted and stored, whatever a provider has reported."""
        return Usage(
            provider=self.provider or "unknown",
            model=check_name(self.model) or "unknown",
            unit=self.unit,
            input_units=check_count(self.input_units),
            output_units=check_count(self.output_units),
            cache_read_units=check_count(self.cache_read_units),
            cache_write_units=check_count(self.cache_write_units),
            cache_write_1h_units=check_count(self.cache_write_1h_units),
            largest_input=check_count(self.largest_input),
            grade=self.grade,
            tokens=self.tokens and Units(*map(check_count, self.tokens)),
            upstream_ms=check_count(self.upstream_ms),
            unknown=self._find_unknown(),
        )

    def _find_unknown(self) -> tuple[Most, ...]:
        if self.open is None or self.input_units + self.output_units != self.units_before:
            return self.unknown
        return (*self.unknown, self.open)


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
    if value.isascii():
        return value if len(value) <= limit else value[:limit]
    return value[:limit].encode("utf-8", "replace").decode()
