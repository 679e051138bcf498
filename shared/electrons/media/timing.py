"""Give each word a time of its own, where a provider's times are of no length, out of order or past the end.

A speech model that loses its place reports the same moment for every further character. Those words are still spoken,
so they share the time up to the next word that has a time, or to the end of the audio.
"""

from __future__ import annotations

from collections.abc import Sequence

Times = tuple[int, int]
"""The start and the end in milliseconds."""

SHORTEST_WORD_MS = 50
"""The least time of a word that shares it with others, if they have that much."""


def spread_times(
    times: Sequence[tuple[float, float]], *, weights: Sequence[int], duration: float | None = None
) -> list[Times] | None:
    """Return a time for each pair of start and end in seconds: in order, at least 1 ms long, within `duration`.

    Valid times are only rounded to milliseconds. Words that share time do so by their `weights`. Returns None if a word
    would have less than 1 ms.
    """
    result = _put_in_order(times, end=None if duration is None else int(duration * 1000))
    total = (result[-1][1] if result else 0) if duration is None else int(duration * 1000)
    at = 0
    while at < len(result):
        if result[at][1] > result[at][0]:
            at += 1
            continue
        group = _find_room(result, at, total=total)
        if group is None:
            return None
        first, last, start, end = group
        result[first : last + 1] = _divide(start, end, weights[first : last + 1])
        at = last + 1
    return result


def _put_in_order(times: Sequence[tuple[float, float]], *, end: int | None) -> list[Times]:
    """Return the times in milliseconds, none before the end of the one before it, none past `end`."""
    result: list[Times] = []
    earliest = 0
    for times_in_seconds in times:
        start, stop = (round(seconds * 1000) for seconds in times_in_seconds)
        if end is not None:
            start, stop = min(start, end), min(stop, end)
        start = max(start, earliest)
        earliest = max(stop, start)
        result.append((start, earliest))
    return result


def _find_room(times: Sequence[Times], at: int, *, total: int) -> tuple[int, int, int, int] | None:
    """Return the words that share time with the one at `at`, which has none: the first, the last, their start and end.

    These are the words without a length around it. If the time up to the next word is too short for them, they share
    the time of the words before them, and then of the words behind them.
    """
    first = last = at
    while last + 1 < len(times) and times[last + 1][0] == times[last + 1][1]:
        last += 1
    start, end = times[at][0], times[last + 1][0] if last + 1 < len(times) else total

    def lacks_room() -> bool:
        return end - start < (last - first + 1) * SHORTEST_WORD_MS

    if lacks_room():
        start = times[at - 1][1] if at else 0
    while lacks_room() and first > 0:
        first -= 1
        start = times[first][0]
    if first == 0 and lacks_room():
        start = 0
    while lacks_room() and last + 1 < len(times):
        last += 1
        end = times[last + 1][0] if last + 1 < len(times) else total
    return (first, last, start, end) if end - start > last - first else None


def _divide(start: int, end: int, weights: Sequence[int]) -> list[Times]:
    """Return consecutive times from `start` to `end`, by weight, but at least 1 ms each."""
    total, weight_so_far = sum(weights), 0
    times: list[Times] = []
    at = start
    for number, weight in enumerate(weights, start=1):
        weight_so_far += weight
        share = start + (end - start) * weight_so_far // total
        begun, at = at, min(max(share, at + 1), end - (len(weights) - number))
        times.append((begun, at))
    return times
