"""A request under an `Idempotency-Key` reports that it is alive, and after a kill is known as such."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

import local
from database import LocalDatabase
from electrons.logs import timestamp
from electrons.middleware.idempotency import SILENT_SECONDS
from electrons.middleware.idempotent_work import REPORT_SECONDS
from tests.emulators.process import Emulators
from tests.platform import run_alone, wait_for
from tests.workers.shapes import error_of

pytestmark = pytest.mark.full

PROMPT = {"prompt": "Hello", "model": "openai:gpt-4o-mini"}


@dataclass
class Stack:
    """text-gen alone on a stack of its own."""

    workers: local.Part
    client: httpx2.Client
    database: LocalDatabase

    def generate(self) -> httpx2.Response:
        """Ask under a key."""
        return self.client.post("/generate", json=PROMPT, headers={"Idempotency-Key": "key"})

    def generate_in_background(self) -> threading.Thread:
        """Ask under a key without waiting for the answer, which may never come."""

        def ask() -> None:
            with suppress(httpx2.TransportError):
                self.generate()

        thread = threading.Thread(target=ask)
        thread.start()
        return thread

    def fall_silent(self) -> str:
        """Let the last report be too old; return its time."""
        seen_at = timestamp(seconds_ago=SILENT_SECONDS + 1)
        self.database.run(("UPDATE idempotent_answers SET seen_at = ? WHERE seen_at IS NOT NULL", (seen_at,)))
        return seen_at

    def seen_at(self) -> str:
        """Return when the request has last reported."""
        return str(self.database.run(("SELECT seen_at FROM idempotent_answers", ()))[0]["seen_at"])


@contextmanager
def run(state: Path, emulators: Emulators) -> Iterator[Stack]:
    shared = {**local.LOCAL_VARS, "RATE_LIMIT_POLICY": "none", **local.emulated_vars(emulators.base_urls)}
    with run_alone("text-gen", state=state, vars_=shared) as (workers, client):
        yield Stack(workers, client, LocalDatabase(state))


def test_key_of_a_killed_request_is_unknown_once_nothing_was_heard(migrated_state: Path, emulators: Emulators) -> None:
    emulators.set_latency("openai", first_byte_ms=3000)
    with run(migrated_state, emulators) as stack:
        asking = stack.generate_in_background()
        wait_for(lambda: emulators.requests("openai"))
        stack.workers.kill()
        asking.join()
    with run(migrated_state, emulators) as stack:
        before = stack.generate()
        stack.fall_silent()
        after = stack.generate()

    error_of(before, 409, "IDEMPOTENCY_IN_PROGRESS")
    error_of(after, 409, "IDEMPOTENCY_OUTCOME_UNKNOWN")
    assert len(emulators.requests("openai")) == 1


def test_request_that_takes_long_reports_that_it_is_alive(migrated_state: Path, emulators: Emulators) -> None:
    emulators.set_latency("openai", first_byte_ms=1000 * (REPORT_SECONDS + 3))
    with run(migrated_state, emulators) as stack:
        asking = stack.generate_in_background()
        wait_for(lambda: emulators.requests("openai"))
        before = stack.fall_silent()
        asking.join(REPORT_SECONDS + 1)
        reported, meanwhile = stack.seen_at(), stack.generate()
        asking.join()
        after = stack.generate()

    assert reported > before
    error_of(meanwhile, 409, "IDEMPOTENCY_IN_PROGRESS")
    assert (after.status_code, after.headers["Idempotent-Replayed"]) == (200, "true")
    assert len(emulators.requests("openai")) == 1
