"""Bodies that text-gen refuses, and why: each failure names the fields at fault."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.shapes import error_of, success_of

BODY_LIMIT = 8 * 1024 * 1024
PATHS = pytest.mark.parametrize("path", ["/generate", "/generate/stream"])


@PATHS
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"prompt": "Hello"', id="cut off"),
        pytest.param(b"prompt=Hello", id="a form"),
        pytest.param(b'{"prompt": "Hello"} {}', id="two documents"),
        pytest.param(b'{"prompt": "\xff"}', id="not UTF-8"),
        pytest.param(b'{"prompt": "\\ud800"}', id="half a surrogate pair"),
        pytest.param(b"[" * 100_000, id="nested without end"),
        pytest.param(b'["prompt"]', id="a list"),
        pytest.param(b'"prompt"', id="a string"),
        pytest.param(b"null", id="null"),
        pytest.param(b"7", id="a number"),
    ],
)
def test_body_without_a_json_object_is_400(platform: Platform, emulators: Emulators, path: str, content: bytes) -> None:
    answer = platform.client("text-gen").post(path, content=content, headers={"Content-Type": "application/json"})

    error_of(answer, 400, "INVALID_JSON")
    assert emulators.requests("anthropic") == []


@PATHS
@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["prompt"]),
        ({"prompt": None}, ["prompt"]),
        ({"prompt": 7}, ["prompt"]),
        ({"prompt": ["Hello"]}, ["prompt"]),
        ({"prompt": "x" * 1_000_001}, ["prompt"]),
        ({"prompt": "Hello", "model": 7}, ["model"]),
        ({"prompt": "Hello", "model_id": 7}, ["model_id"]),
        ({"prompt": "Hello", "model": "x" * 257}, ["model"]),
        ({"prompt": "Hello", "options": "none"}, ["options"]),
        ({"prompt": "Hello", "options": {"max_tokens": 0}}, ["options.max_tokens"]),
        ({"prompt": "Hello", "options": {"max_tokens": -1}}, ["options.max_tokens"]),
        ({"prompt": "Hello", "options": {"max_tokens": 1.5}}, ["options.max_tokens"]),
        ({"prompt": "Hello", "options": {"max_tokens": "5"}}, ["options.max_tokens"]),
        ({"prompt": "Hello", "options": {"max_tokens": True}}, ["options.max_tokens"]),
        ({"prompt": "Hello", "options": {"temperature": -0.1}}, ["options.temperature"]),
        ({"prompt": "Hello", "options": {"temperature": 2.1}}, ["options.temperature"]),
        ({"prompt": "Hello", "options": {"temperature": "warm"}}, ["options.temperature"]),
        ({"prompt": "Hello", "options": {"top_p": 1.1}}, ["options.top_p"]),
        ({"prompt": "Hello", "options": {"stop_sequences": "END"}}, ["options.stop_sequences"]),
        ({"prompt": "Hello", "options": {"stop_sequences": ["END", 7]}}, ["options.stop_sequences.1"]),
        ({"prompt": "Hello", "options": {"stop_sequences": ["x"] * 17}}, ["options.stop_sequences"]),
        ({"prompt": "Hello", "options": {"system_prompt": 7}}, ["options.system_prompt"]),
        ({"prompt": "Hello", "instance_id": 7}, ["instance_id"]),
        ({"prompt": "Hello", "project_id": "x" * 257}, ["project_id"]),
        (
            {"prompt": 7, "options": {"max_tokens": 0, "temperature": "warm"}},
            ["prompt", "options.max_tokens", "options.temperature"],
        ),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else None,
)
def test_each_wrong_field_is_named_with_400(
    platform: Platform, emulators: Emulators, path: str, body: dict[str, Any], fields: list[str]
) -> None:
    error = error_of(platform.client("text-gen").post(path, json=body), 400, "INVALID_REQUEST")

    assert [problem["field"] for problem in error["details"]["fields"]] == fields
    assert all(problem["message"] for problem in error["details"]["fields"])
    assert emulators.requests("anthropic") == []


@PATHS
@pytest.mark.parametrize("prompt", ["", " ", "\n\t \u3000"])
def test_blank_prompt_is_required(platform: Platform, path: str, prompt: str) -> None:
    error = error_of(platform.client("text-gen").post(path, json={"prompt": prompt}), 400, "INVALID_REQUEST")

    assert error["error"] == "Prompt is required"


def test_missing_prompt_is_required(platform: Platform) -> None:
    error = error_of(platform.client("text-gen").post("/generate", json={}), 400, "INVALID_REQUEST")

    assert error["error"] == "Prompt is required"


def test_content_of_a_wrong_field_is_not_repeated(platform: Platform) -> None:
    answer = platform.client("text-gen").post("/generate", json={"prompt": ["my secret plan"], "model": 7})

    error_of(answer, 400, "INVALID_REQUEST")
    assert "secret plan" not in answer.text


def test_body_with_unknown_fields_is_answered_and_warned(platform: Platform) -> None:
    body = {"prompt": "Hello", "colour": "blue", "options": {"flavour": 1}}

    warnings = success_of(platform.client("text-gen").post("/generate", json=body))["metadata"]["warnings"]

    assert any("colour" in warning for warning in warnings)
    assert any("options.flavour" in warning for warning in warnings)


@PATHS
@pytest.mark.parametrize("absent", [None, ""])
def test_body_with_null_or_empty_options_has_the_defaults(
    platform: Platform, emulators: Emulators, path: str, absent: str | None
) -> None:
    names = ("max_tokens", "temperature", "top_p", "stop_sequences", "system_prompt", "model_id")
    options = dict.fromkeys(names, absent)

    answer = platform.client("text-gen").post(
        path, json={"prompt": "Hello", "model": absent, "project_id": absent, "options": options}
    )

    assert answer.status_code == 200
    (call,) = emulators.requests("anthropic")
    assert (call["body"]["model"], call["body"]["max_tokens"]) == ("claude-sonnet-4-6", 2000)


def test_body_without_a_content_type_is_json(platform: Platform) -> None:
    success_of(platform.client("text-gen").post("/generate", content=b'{"prompt": "Hello"}'))


@PATHS
def test_body_over_the_limit_is_413(platform: Platform, emulators: Emulators, path: str) -> None:
    answer = platform.client("text-gen").post(path, content=b" " * (BODY_LIMIT + 1))

    error = error_of(answer, 413, "PAYLOAD_TOO_LARGE")
    assert error["details"] == {"limit_bytes": BODY_LIMIT}
    assert emulators.requests("anthropic") == []


def test_body_of_exactly_the_limit_is_accepted(platform: Platform) -> None:
    document = b'{"prompt": "Hello"}'

    success_of(platform.client("text-gen").post("/generate", content=document.ljust(BODY_LIMIT)))


def test_chunked_body_over_the_limit_is_413(platform: Platform) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(BODY_LIMIT // 65536 + 2):
            yield b" " * 65536

    answer = platform.client("text-gen").post("/generate", content=endless())

    error_of(answer, 413, "PAYLOAD_TOO_LARGE")


def test_chunked_body_is_read_to_its_end(platform: Platform) -> None:
    pieces = ['{"prompt": "Gr', "üß ", 'Gott"}']

    answer = platform.client("text-gen").post("/generate", content=(piece.encode() for piece in pieces))

    assert "Grüß Gott" in success_of(answer)["text"]
