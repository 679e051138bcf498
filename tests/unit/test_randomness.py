"""Random bytes that are taken ahead."""

from __future__ import annotations

import os

import pytest

from electrons import randomness
from electrons.randomness import take_bytes


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many bytes the operating system was asked for, each time; nothing is there ahead."""
    counts: list[int] = []

    read = os.urandom

    def urandom(count: int) -> bytes:
        counts.append(count)
        return read(count)

    monkeypatch.setattr(randomness, "_ahead", b"")
    monkeypatch.setattr(os, "urandom", urandom)
    return counts


def test_many_requests_ask_the_operating_system_once(asked: list[int]) -> None:
    taken = [take_bytes(16) for _ in range(200)]

    assert asked == [4096]
    assert all(len(each) == 16 for each in taken)
    assert len(set(taken)) == 200


def test_what_is_left_and_too_short_is_not_used(asked: list[int]) -> None:
    first = [take_bytes(4000), take_bytes(90), take_bytes(24)]

    assert asked == [4096, 4096]
    assert [len(each) for each in first] == [4000, 90, 24]
