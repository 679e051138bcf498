"""Requests leave nothing in memory that only a garbage collection would free: their bodies would wait there with it."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform

pytestmark = [pytest.mark.full, pytest.mark.usefixtures("emulators")]

WORKERS = ("rate-limiter", "text-gen")
COUNTING = {"text-gen": "tests/stacks/entry_with_collection.py"}
TIMES = 5
QUESTION = [{"role": "user", "content": "Hello"}]
GPT, CLAUDE = {"model": "gpt-4o-mini"}, {"model": "claude-sonnet-4-6"}
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
COUNTED = {"stream_options": {"include_usage": True}}
ASKED: list[tuple[str, dict[str, Any]]] = [
    ("/generate", {"prompt": "Hello"}),
    ("/generate/stream", {"prompt": "Hello"}),
    *[(CHAT, {**model, "messages": QUESTION}) for model in (GPT, CLAUDE)],
    *[(CHAT, {**model, "messages": QUESTION, "stream": True}) for model in (GPT, CLAUDE)],
    (CHAT, {**GPT, "messages": QUESTION, "stream": True, **COUNTED}),
    *[(MESSAGES, {**model, "messages": QUESTION, "max_tokens": 9, "stream": True}) for model in (GPT, CLAUDE)],
    ("/v1/embeddings", {"model": "text-embedding-3-small", "input": ["Hello"] * 600}),
]


@pytest.fixture(scope="module")
def counting(running_emulators: Emulators, make_state: Callable[[], Path]) -> Iterator[Platform]:
    """Return a text-gen that says what a collection finds."""
    with Platform.start(
        state=make_state(), emulators=running_emulators, variants={}, workers=WORKERS, main=COUNTING
    ) as platform:
        yield platform


def find_garbage(platform: Platform) -> dict[str, int]:
    garbage: dict[str, int] = platform.client("text-gen").get("/_garbage").json()
    return garbage


@pytest.mark.parametrize(("path", "body"), ASKED, ids=[f"{number}{path}" for number, (path, _) in enumerate(ASKED)])
def test_calls_leave_nothing(counting: Platform, path: str, body: dict[str, Any]) -> None:
    find_garbage(counting)

    for _ in range(TIMES):
        assert counting.client("text-gen").post(path, json=body).status_code == 200

    assert find_garbage(counting) == {}


@pytest.mark.parametrize(("path", "body"), ASKED, ids=[f"{number}{path}" for number, (path, _) in enumerate(ASKED)])
def test_calls_with_a_key_leave_nothing(counting: Platform, path: str, body: dict[str, Any]) -> None:
    find_garbage(counting)

    for number in range(TIMES):
        for _ in range(2):  # the second one is a retry
            headers = {"Idempotency-Key": f"{ASKED.index((path, body))} {number}"}
            assert counting.client("text-gen").post(path, json=body, headers=headers).status_code in {200, 409}

    assert find_garbage(counting) == {}


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 400}, {"kind": "status", "status": 500}, {"kind": "cut"}]
)
@pytest.mark.parametrize(("path", "body"), [ASKED[0], ASKED[2], ASKED[3], ASKED[4], ASKED[6], ASKED[-1]])
def test_failed_calls_leave_nothing(
    counting: Platform, emulators: Emulators, path: str, body: dict[str, Any], fault: dict[str, Any]
) -> None:
    find_garbage(counting)

    for _ in range(TIMES):
        for vendor in ("openai", "anthropic"):
            emulators.add_fault(vendor, **fault)
        with suppress(httpx2.RemoteProtocolError):  # a large answer that is cut breaks the connection
            counting.client("text-gen").post(path, json=body)
    emulators.reset()

    assert find_garbage(counting) == {}


def test_refused_bodies_leave_nothing(counting: Platform) -> None:
    find_garbage(counting)

    for _ in range(TIMES):
        answer: httpx2.Response = counting.client("text-gen").post(CHAT, content=b'{"model": 5}')
        assert answer.status_code == 400

    assert find_garbage(counting) == {}
