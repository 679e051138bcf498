"""The shared state of one circuit."""

import json
from typing import Any

from electrons.ratelimit.circuit import Circuit
from electrons.testing.bindings import MemorySql


class Shared:
    """One circuit at a clock of the test's."""

    def __init__(self) -> None:
        self.now = 1_000_000
        self.sql = MemorySql()
        self.circuit = self.open()

    def open(self) -> Circuit:
        return Circuit(self.sql, lambda: self.now)

    def do(self, operation: str) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(
            self.circuit.handle(json.dumps({"do": operation, "limit": 3, "open_ms": 15_000}))
        )
        return state


def test_failures_in_a_row_open_it_for_the_time() -> None:
    shared = Shared()

    assert [shared.do("fail")["open_for_ms"] for _ in range(3)] == [0, 0, 15_000]
    shared.now += 15_000
    assert shared.do("read") == {"failures": 3, "open_for_ms": 0, "may_probe": False}


def test_success_between_failures_starts_anew() -> None:
    shared = Shared()

    for operation in ("fail", "fail", "succeed", "fail"):
        state = shared.do(operation)

    assert state == {"failures": 1, "open_for_ms": 0, "may_probe": False}


def test_failures_far_apart_are_not_in_a_row() -> None:
    shared = Shared()

    for _ in range(5):
        state = shared.do("fail")
        shared.now += 61_000

    assert state["failures"] == 1


def test_one_caller_probes_after_the_time() -> None:
    shared = Shared()
    for _ in range(3):
        shared.do("fail")

    early = shared.do("probe")
    shared.now += 15_000
    probes = [shared.do("probe") for _ in range(3)]

    assert not early["may_probe"]
    assert [probe["may_probe"] for probe in probes] == [True, False, False]
    assert probes[1]["open_for_ms"] == 15_000


def test_probe_closes_it_or_opens_it_again() -> None:
    shared = Shared()
    for _ in range(3):
        shared.do("fail")
    shared.now += 15_000
    shared.do("probe")

    assert shared.do("fail")["open_for_ms"] == 15_000
    assert shared.do("succeed") == {"failures": 0, "open_for_ms": 0, "may_probe": False}


def test_state_outlives_the_object() -> None:
    shared = Shared()
    for _ in range(3):
        shared.do("fail")
    shared.circuit = shared.open()

    assert shared.do("read") == {"failures": 3, "open_for_ms": 15_000, "may_probe": False}


def test_reading_stores_nothing() -> None:
    shared = Shared()

    shared.do("read")
    shared.do("succeed")

    assert shared.sql.execute("SELECT * FROM sqlite_master") == []
    assert shared.circuit.is_idle()


def test_circuit_with_failures_is_idle_after_a_while() -> None:
    shared = Shared()
    shared.do("fail")

    assert not shared.circuit.is_idle()
    shared.now += 61_000
    assert shared.circuit.is_idle()
