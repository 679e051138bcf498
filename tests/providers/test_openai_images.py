"""OpenAI's image wire format: https://developers.openai.com/api/reference/resources/images."""

from fractions import Fraction
from typing import Any

import pytest

from electrons.capabilities.images import GeneratedImage, ImageCall
from electrons.errors import (
    ProviderAuthError,
    ProviderError,
    ProviderQuotaError,
    ProviderRateLimitError,
    ProviderRejectedError,
    RequestError,
)
from electrons.providers.openai.provider import OpenAIProvider
from tests.providers.cases import Case, body_of

PROVIDER = OpenAIProvider()
NEW, OLD = "gpt-image-2.6-flare", "gpt-image-1.5"

ANSWER: dict[str, Any] = {
    "created": 1795000000,
    "data": [{"b64_json": "AAAA"}, {"b64_json": "BBBB", "revised_prompt": "A large cat"}],
    "output_format": "png",
    "size": "1024x1024",
    "usage": {"input_tokens": 3, "output_tokens": 2112, "total_tokens": 2115},
}


def error(kind: str, message: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


IMAGE_CASES = {
    "success": Case(
        body=ANSWER,
        needed={"data"},
        expected=[GeneratedImage(base64="AAAA"), GeneratedImage(base64="BBBB", prompt="A large cat")],
    ),
    "401": Case(
        status=401,
        body=error("invalid_request_error", "Incorrect API key provided", "invalid_api_key"),
        expected=ProviderAuthError,
    ),
    "429": Case(
        status=429, body=error("images", "Rate limit reached", "rate_limit_exceeded"), expected=ProviderRateLimitError
    ),
    "5xx": Case(status=500, body=error("server_error", "The server had an error"), expected=ProviderError),
    "safety": Case(
        status=400,
        body=error("image_generation_user_error", "Rejected by the safety system", "moderation_blocked"),
        expected=ProviderRejectedError,
    ),
    "retired model": Case(
        status=404, body=error("invalid_request_error", "Deprecated", "model_not_found"), expected=ProviderRejectedError
    ),
    "quota": Case(
        status=400,
        body=error("invalid_request_error", "Hard limit", "billing_hard_limit_reached"),
        expected=ProviderQuotaError,
    ),
    "no images": Case(body={**ANSWER, "data": []}, expected=ProviderError),
    "links": Case(body={**ANSWER, "data": [{"url": "https://images.example/1"}]}, expected=ProviderError),
    "no base64": Case(body={**ANSWER, "data": [{"b64_json": None}]}, expected=ProviderError),
    "one of two": Case(
        body={**ANSWER, "data": [{"b64_json": None}, {"b64_json": "AAAA"}]},
        expected=[GeneratedImage(is_unreadable=True), GeneratedImage(base64="AAAA")],
    ),
    "a file and a prompt of any length": Case(
        body={**ANSWER, "data": [{"b64_json": "AAAA" * 5000, "revised_prompt": "cat " * 5000}]},
        expected=[GeneratedImage(base64="AAAA" * 5000, prompt="cat " * 5000)],
    ),
    "values of other types": Case(
        body={**ANSWER, "data": [None, 5, "AAAA", {"b64_json": True}, {"b64_json": "AAAA", "revised_prompt": 5}]},
        expected=[*[GeneratedImage(is_unreadable=True)] * 4, GeneratedImage(base64="AAAA")],
    ),
    "an object in place of the list": Case(body={**ANSWER, "data": {"b64_json": "AAAA"}}, expected=ProviderError),
    "unreadable": Case(body="<html>", expected=ProviderError),
}


def fit(model: str = NEW, **options: Any) -> tuple[ImageCall, list[str]]:
    return PROVIDER.fit_images(ImageCall(model=model, prompt="A cat", **options))


def sent(call: ImageCall) -> dict[str, Any]:
    return body_of(PROVIDER.build_images(call).content)


def test_request_without_options_has_only_what_is_needed() -> None:
    call, warnings = fit()
    request = PROVIDER.build_images(call)

    assert (request.method, request.path, request.repeatable) == ("POST", "/images/generations", False)
    assert sent(call) == {"model": NEW, "prompt": "A cat", "n": 1}
    assert warnings == []


def test_options_that_are_not_taken_are_left_out_with_warnings() -> None:
    call, warnings = fit(
        num_images=3, resolution=(1536, 1024), quality="high", style="DESIGN", seed=0, negative_prompt="dogs"
    )

    assert sent(call) == {"model": NEW, "prompt": "A cat", "n": 3, "size": "1536x1024", "quality": "high"}
    assert warnings == [
        f"{NEW} does not take {option}; it was left out" for option in ("style", "seed", "negative_prompt")
    ]


@pytest.mark.parametrize(
    ("model", "word", "quality"),
    [
        (NEW, "low", "low"),
        (NEW, "TURBO", "low"),
        (NEW, "standard", "medium"),
        (NEW, "hd", "high"),
        (NEW, "max", "max"),
        (NEW, "auto", None),
        (OLD, "high", "high"),
    ],
)
def test_quality_when_the_word_is_known_then_the_models_own(model: str, word: str, quality: str | None) -> None:
    call, warnings = fit(model, quality=word)

    assert call.quality == quality
    assert warnings == []


@pytest.mark.parametrize(("model", "word"), [(NEW, "best"), (OLD, "max"), ("gpt-image-2", "xhigh"), (NEW, "flash")])
def test_unknown_quality_is_left_out(model: str, word: str) -> None:
    call, warnings = fit(model, quality=word)

    assert call.quality is None
    assert warnings == [f"{model} does not take quality {word}; it was left out"]


@pytest.mark.parametrize(
    ("ratio", "size"),
    [
        ((1, 1), (1024, 1024)),
        ((3, 2), (1536, 1024)),
        ((2, 3), (1024, 1536)),
        ((16, 9), (1536, 864)),
        ((9, 16), (864, 1536)),
        ((16, 10), (1536, 960)),
        ((3, 1), (1536, 512)),
        ((5, 4), (1520, 1216)),
    ],
)
def test_aspect_ratio_becomes_a_size_of_that_shape(ratio: tuple[int, int], size: tuple[int, int]) -> None:
    call, warnings = fit(aspect_ratio=Fraction(*ratio))

    assert (call.resolution, warnings) == (size, [])
    assert Fraction(*size) == Fraction(*ratio)


@pytest.mark.parametrize(("model", "ratio"), [(OLD, "16/9"), (NEW, "4/1"), (NEW, "1000/999")])
def test_aspect_ratio_without_a_size_is_left_out(model: str, ratio: str) -> None:
    call, warnings = fit(model, aspect_ratio=Fraction(ratio))

    assert call.resolution is None
    assert warnings == [f"{model} does not take aspect_ratio {ratio.replace('/', ':')}; it was left out"]


def test_resolution_that_is_not_taken_is_replaced_by_its_shape() -> None:
    call, warnings = fit(resolution=(1920, 1080))

    assert call.resolution == (1536, 864)
    assert warnings == [f"{NEW} does not take resolution 1920x1080; its shape was asked for instead"]


@pytest.mark.parametrize("size", [(640, 1008), (480, 480), (3856, 1600), (1600, 512)])
def test_resolution_out_of_range_is_replaced_by_its_shape(size: tuple[int, int]) -> None:
    call, warnings = fit(resolution=size)

    assert call.resolution != size
    assert f"{NEW} does not take resolution {size[0]}x{size[1]}; its shape was asked for instead" in warnings


def test_older_model_has_three_resolutions() -> None:
    assert fit(OLD, resolution=(1024, 1536))[0].resolution == (1024, 1536)
    assert fit(OLD, resolution=(1536, 864))[0].resolution is None


@pytest.mark.parametrize(
    ("size", "count"), [((1024, 1024), 8), ((1536, 1024), 8), ((2048, 2048), 3), ((3840, 2160), 1), (None, 8)]
)
def test_number_of_images_that_fits_a_response_is_sent(size: tuple[int, int] | None, count: int) -> None:
    assert sent(fit(resolution=size, num_images=count)[0])["n"] == count


@pytest.mark.parametrize(("size", "count"), [((2048, 2048), 4), ((3840, 2160), 2)])
def test_number_of_images_for_too_large_a_response_is_refused(size: tuple[int, int], count: int) -> None:
    with pytest.raises(RequestError, match=f"at most {count - 1} images of {size[0]}x{size[1]}"):
        fit(resolution=size, num_images=count)
