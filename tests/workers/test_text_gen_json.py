"""`expect_json` on workerd, with the emulated models."""

from __future__ import annotations

import json

import jsonschema
import pytest

from tests.platform import Platform
from tests.workers.shapes import error_of, success_of

SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "sections": {"type": "array", "items": {"type": "object", "properties": {"narration": {"type": "string"}}}},
    },
    "required": ["title", "sections"],
}
MODELS = pytest.mark.parametrize("model", ["anthropic:claude-sonnet-4-6", "openai:gpt-4o"])


@MODELS
def test_answer_fits_the_schema(platform: Platform, model: str) -> None:
    request = {"prompt": "A film about lighthouses", "model": model, "expect_json": SCHEMA}

    body = success_of(platform.client("text-gen").post("/generate", json=request))

    jsonschema.validate(json.loads(body["text"]), SCHEMA)


@MODELS
def test_answer_is_json(platform: Platform, model: str) -> None:
    prompt = 'A film about lighthouses. Answer with JSON like {"title": "…", "duration": 0}'
    request = {"prompt": prompt, "model": model, "expect_json": True}

    body = success_of(platform.client("text-gen").post("/generate", json=request))

    assert json.loads(body["text"]).keys() == {"title", "duration"}


@MODELS
def test_plain_text_is_an_error_after_one_repair_and_paid_twice(platform: Platform, model: str) -> None:
    request = {"prompt": "Hello", "model": model, "expect_json": True}

    answer = platform.client("text-gen").post("/generate", json=request)

    body = error_of(answer, 422, "INVALID_MODEL_OUTPUT")
    assert "not the JSON" in body["details"]["text"]
    (row,) = platform.usage_rows(body["request_id"])
    assert row["output_units"] > 40


@MODELS
def test_stream_fits_the_schema(platform: Platform, model: str) -> None:
    request = {"prompt": "A film about lighthouses", "model": model, "expect_json": SCHEMA}

    answer = platform.client("text-gen").post("/generate/stream", json=request)

    frames = [json.loads(event.removeprefix("data: ")) for event in answer.text.strip().split("\n\n")]
    jsonschema.validate(json.loads("".join(frame["text"] for frame in frames)), SCHEMA)
    assert frames[-1]["done"] is True


@MODELS
def test_answer_that_is_cut_off_is_an_error_and_paid(platform: Platform, model: str) -> None:
    options = {"max_tokens": 5}
    request = {"prompt": "A film about lighthouses", "model": model, "expect_json": SCHEMA, "options": options}

    answer = platform.client("text-gen").post("/generate", json=request)

    body = error_of(answer, 422, "INVALID_MODEL_OUTPUT")
    assert "cut off" in body["details"]["reason"]
    (row,) = platform.usage_rows(body["request_id"])
    assert row["output_units"] == 5
