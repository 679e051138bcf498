"""image-gen: requests that are refused before anything is paid."""

from typing import Any

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.shapes import error_of


def post(platform: Platform, body: Any, *, worker: str = "image-gen") -> Any:
    return platform.client(worker).post("/generate", json=body)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"text"', b"\xff"])
def test_body_that_is_not_a_json_object_is_400(platform: Platform, content: bytes) -> None:
    error_of(platform.client("image-gen").post("/generate", content=content), 400, "INVALID_JSON")


@pytest.mark.parametrize("body", [{}, {"prompt": ""}, {"prompt": " \n"}])
def test_prompt_when_missing_or_blank_then_it_is_required(platform: Platform, body: dict[str, Any]) -> None:
    error = error_of(post(platform, body), 400, "INVALID_REQUEST")

    assert error["error"] == "Prompt is required"
    assert [field["field"] for field in error["details"]["fields"]] == ["prompt"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("options.num_images", 0),
        ("options.num_images", 9),
        ("options.num_images", "2"),
        ("options.num_images", 1.5),
        ("options.seed", -1),
        ("options.seed", 2**31),
        ("options.aspect_ratio", "wide"),
        ("options.aspect_ratio", "16:0"),
        ("options.aspect_ratio", "16:9\n"),
        ("options.resolution", "1024x"),
        ("options.resolution", "hd"),
        ("options.resolution", 0),
        ("options.resolution", True),
        ("options.resolution", "0x1024"),
        ("options.resolution", "100000x100000"),
        ("options.style", " "),
        ("options.style", "x" * 65),
        ("options.quality", 1),
        ("options.negative_prompt", 1),
        ("prompt", 5),
        ("prompt", "x" * 32_001),
        ("model", "x" * 257),
        ("model", 3),
        ("options", []),
    ],
)
def test_wrong_field_is_400_that_names_it(platform: Platform, emulators: Emulators, field: str, value: Any) -> None:
    name, _, option = field.partition(".")
    body: dict[str, Any] = {"prompt": "A cat", name: {option: value} if option else value}

    error = error_of(post(platform, body), 400, "INVALID_REQUEST")

    assert [entry["field"] for entry in error["details"]["fields"]] == [field]
    assert emulators.requests("ideogram") == []


def test_body_when_too_large_then_413(platform: Platform) -> None:
    error_of(post(platform, {"prompt": "A cat", "other": "x" * 1024 * 1024}), 413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize("model", ["midjourney:v7", "ideogram:", ":v3"])
def test_unknown_provider_is_400_with_the_known_ones(platform: Platform, model: str) -> None:
    error = error_of(post(platform, {"prompt": "A cat", "model": model}), 400, "UNKNOWN_PROVIDER")

    assert error["details"]["providers"] == ["ideogram", "openai"]


def test_unknown_version_of_ideogram_is_400(platform: Platform) -> None:
    error = error_of(post(platform, {"prompt": "A cat", "model": "ideogram:v9"}), 400, "INVALID_REQUEST")

    assert error["details"]["fields"][0]["field"] == "model"


def test_number_of_images_beyond_a_response_is_400(platform: Platform, emulators: Emulators) -> None:
    options = {"resolution": "3840x2160", "num_images": 2}

    error = error_of(
        post(platform, {"prompt": "A cat", "model": "openai:gpt-image-2", "options": options}), 400, "INVALID_REQUEST"
    )

    assert error["details"]["fields"][0]["field"] == "options.num_images"
    assert emulators.requests("openai") == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_method_when_wrong_then_405_names_the_right_ones(platform: Platform, method: str) -> None:
    answer = platform.client("image-gen").request(method, "/generate")

    error_of(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["Allow"] == "OPTIONS, POST"


@pytest.mark.parametrize(
    ("model", "title", "secret"),
    [("ideogram:v3", "Ideogram", "IDEOGRAM_API_KEY"), ("openai:gpt-image-2", "OpenAI", "OPENAI_API_KEY")],
)
def test_secret_when_missing_then_500_says_which(platform: Platform, model: str, title: str, secret: str) -> None:
    answer = post(platform, {"prompt": "A cat", "model": model}, worker="image-gen-without-keys")

    error = error_of(answer, 500, "MISSING_API_KEY")
    assert f"{title} API key not configured" in error["error"]
    assert f"`{secret}`" in error["error"]


def test_limit_counts_only_images_that_were_made(platform: Platform) -> None:
    def ask(count: int, *, prompt: str = "A cat") -> Any:
        body = {"prompt": prompt, "options": {"num_images": count, "quality": "low"}}
        return post(platform, body, worker="image-gen-metered")

    error_of(ask(6), 429, "RATE_LIMITED")
    assert ask(4, prompt="[unsafe]").status_code == 422  # made nothing
    answer = ask(4)
    assert answer.status_code == 200
    assert '"images"' in answer.headers["RateLimit"]

    refused = ask(4)
    error_of(refused, 429, "RATE_LIMITED")
    assert int(refused.headers["Retry-After"]) > 0
