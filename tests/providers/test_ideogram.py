"""Ideogram's wire format: https://developer.ideogram.ai/api-reference."""

from email import message_from_bytes
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
from electrons.providers.ideogram import IdeogramProvider
from electrons.upstream.provider import ProviderRequest
from tests.providers.cases import Case, Cases

PROVIDER = IdeogramProvider()

LINK = "https://ideogram.ai/api/images/ephemeral/xtdZ.png?exp=1743867804&sig=e13e"
IMAGE: dict[str, Any] = {
    "prompt": "A cat, in detail",
    "resolution": "1024x1024",
    "is_image_safe": True,
    "seed": 12345,
    "url": LINK,
    "style_type": "GENERAL",
}


def answer(*images: Any) -> dict[str, Any]:
    return {"created": "2026-11-23T10:00:00+00:00", "data": list(images)}


OTHER_TYPES: list[Any] = [None, True, "5", 1.5, -1, 10**15, []]

CASES: Cases = {
    "image": {
        "success": Case(
            body=answer(IMAGE, {**IMAGE, "seed": 0}),
            needed={"data"},
            expected=[
                GeneratedImage(url=LINK, seed=12345, prompt="A cat, in detail"),
                GeneratedImage(url=LINK, seed=0, prompt="A cat, in detail"),
            ],
        ),
        "unsafe image": Case(
            body=answer({**IMAGE, "is_image_safe": False, "url": None}),
            expected=[GeneratedImage(seed=12345, prompt="A cat, in detail")],
        ),
        "unsafe image with an empty link": Case(
            body=answer({**IMAGE, "is_image_safe": False, "url": ""}),
            expected=[GeneratedImage(seed=12345, prompt="A cat, in detail")],
        ),
        "400": Case(status=400, body={"error": "Invalid input"}, expected=ProviderRejectedError),
        "401": Case(status=401, body={"error": "Not authorized"}, expected=ProviderAuthError),
        "402": Case(status=402, body={"error": "Insufficient credits"}, expected=ProviderQuotaError),
        "403": Case(status=403, body={"message": "Forbidden"}, expected=ProviderAuthError),
        "422 safety": Case(
            status=422, body={"error": "Prompt provided failed safety check"}, expected=ProviderRejectedError
        ),
        "429": Case(status=429, body={"error": "Too many requests"}, expected=ProviderRateLimitError),
        "5xx": Case(status=503, body="<html>", expected=ProviderError),
        "no images": Case(body=answer(), expected=ProviderError),
        "no list": Case(body={"data": None}, expected=ProviderError),
        "link of another type": Case(body=answer({**IMAGE, "url": 5}), expected=ProviderError),
        **{
            f"seed {seed}": Case(
                body=answer({**IMAGE, "seed": seed}), expected=[GeneratedImage(url=LINK, prompt="A cat, in detail")]
            )
            for seed in OTHER_TYPES
        },
        "only a link": Case(body=answer({"url": LINK}), expected=[GeneratedImage(url=LINK)]),
        "safety null": Case(
            body=answer({"url": LINK, "is_image_safe": None, "prompt": 5}), expected=[GeneratedImage(url=LINK)]
        ),
        "some that cannot be read": Case(
            body=answer(None, {"url": LINK}, {"url": None, "is_image_safe": True}, "image", {"url": 5, "seed": 7}),
            expected=[
                GeneratedImage(is_unreadable=True),
                GeneratedImage(url=LINK),
                GeneratedImage(is_unreadable=True),
                GeneratedImage(is_unreadable=True),
                GeneratedImage(is_unreadable=True, seed=7),
            ],
        ),
        "an object in place of the list": Case(body={"data": {"a": IMAGE}}, expected=ProviderError),
        "unreadable": Case(body="<html>", expected=ProviderError),
    }
}


def fit(model: str = "v3", **options: Any) -> tuple[ImageCall, list[str]]:
    return PROVIDER.fit_images(ImageCall(model=model, prompt="A cat", **options))


def fields_of(request: ProviderRequest) -> dict[str, str]:
    """Return the form as Python's own MIME parser reads it."""
    ((name, content_type),) = request.headers
    assert name == "Content-Type"
    message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + request.content)
    fields = {}
    for part in message.walk():
        if not part.is_multipart():
            value = part.get_payload(decode=True)
            assert isinstance(value, bytes)
            fields[str(part.get_param("name", header="content-disposition"))] = value.decode()
    return fields


def sent(call: ImageCall) -> dict[str, str]:
    return fields_of(PROVIDER.build_images(call))


@pytest.mark.parametrize(("model", "prompt"), [("v3", "prompt"), ("v4", "text_prompt")])
def test_request_without_options_has_only_the_prompt(model: str, prompt: str) -> None:
    call, warnings = fit(model)
    request = PROVIDER.build_images(call)

    assert (request.method, request.path, request.repeatable) == ("POST", f"/v1/ideogram-{model}/generate", False)
    assert sent(call) == {prompt: "A cat"}
    assert warnings == []


def test_request_when_all_is_asked_for_then_version_3_takes_all() -> None:
    call, warnings = fit(
        num_images=4,
        aspect_ratio=Fraction(16, 9),
        style="realistic",
        seed=0,
        negative_prompt="dogs",
        quality="high",
    )

    assert sent(call) == {
        "prompt": "A cat",
        "num_images": "4",
        "aspect_ratio": "16x9",
        "style_type": "REALISTIC",
        "seed": "0",
        "negative_prompt": "dogs",
        "rendering_speed": "QUALITY",
    }
    assert warnings == []


def test_version_4_leaves_out_what_it_does_not_take() -> None:
    call, warnings = fit(
        "v4",
        num_images=4,
        aspect_ratio=Fraction(16, 9),
        style="realistic",
        seed=0,
        negative_prompt="dogs",
        quality="turbo",
    )

    assert sent(call) == {"text_prompt": "A cat", "resolution": "2560x1440", "rendering_speed": "TURBO"}
    assert call.num_images == 1
    assert warnings == [
        f"Ideogram v4 does not take {option}; it was left out"
        for option in ("num_images", "style", "seed", "negative_prompt")
    ]


@pytest.mark.parametrize(
    "prompt", ['naïve 好的 🚀 "quoted"', "two\r\nlines\n", "--\r\n--", 'Content-Disposition: form-data; name="seed"']
)
def test_form_keeps_every_character_of_the_prompt(prompt: str) -> None:
    request = PROVIDER.build_images(ImageCall(model="v3", prompt=prompt, seed=1))

    assert fields_of(request) == {"prompt": prompt, "seed": "1"}
    assert request == PROVIDER.build_images(ImageCall(model="v3", prompt=prompt, seed=1))


@pytest.mark.parametrize(
    ("model", "word", "speed"),
    [
        ("v3", "flash", "FLASH"),
        ("v3", "low", "TURBO"),
        ("v3", "Default", "DEFAULT"),
        ("v3", "balanced", "DEFAULT"),
        ("v3", "QUALITY", "QUALITY"),
        ("v4", "auto", "DEFAULT"),
        ("v4", "hd", "QUALITY"),
    ],
)
def test_quality_when_the_word_is_known_then_a_rendering_speed(model: str, word: str, speed: str) -> None:
    call, warnings = fit(model, quality=word)

    assert (call.quality, warnings) == (speed, [])


@pytest.mark.parametrize(("model", "word"), [("v3", "best"), ("v4", "flash"), ("v4", "max")])
def test_unknown_quality_is_left_out(model: str, word: str) -> None:
    call, warnings = fit(model, quality=word)

    assert call.quality is None
    assert warnings == [f"Ideogram {model} does not take quality {word}; it was left out"]


@pytest.mark.parametrize(
    ("style", "field"),
    [
        ("general", {"style_type": "GENERAL"}),
        ("AUTO", {"style_type": "AUTO"}),
        ("realistic", {"style_type": "REALISTIC"}),
        ("artistic", {"style_type": "GENERAL"}),
        ("oil painting", {"style_preset": "OIL_PAINTING"}),
    ],
)
def test_style_when_given_then_it_is_a_type_or_else_a_preset(style: str, field: dict[str, str]) -> None:
    assert sent(fit(style=style)[0]) == {"prompt": "A cat", **field}


@pytest.mark.parametrize("style", ["ANIME", "anime", "render_3d", "3d", "3D"])
def test_style_that_version_3_lacks_is_left_out(style: str) -> None:
    call, warnings = fit(style=style)

    assert call.style is None
    assert warnings == [f"Ideogram v3 does not take style {style.upper()}; it was left out"]


def test_resolution_when_the_version_has_it_then_it_is_sent() -> None:
    assert sent(fit(resolution=(1280, 800))[0])["resolution"] == "1280x800"
    assert sent(fit("v4", resolution=(1440, 2880))[0])["resolution"] == "1440x2880"


@pytest.mark.parametrize(("model", "field"), [("v3", ("aspect_ratio", "16x9")), ("v4", ("resolution", "2560x1440"))])
def test_resolution_that_is_not_taken_is_replaced_by_its_shape(model: str, field: tuple[str, str]) -> None:
    call, warnings = fit(model, resolution=(1280, 720))

    assert sent(call)[field[0]] == field[1]
    assert warnings == [f"Ideogram {model} does not take resolution 1280x720; its shape was asked for instead"]


def test_resolution_wins_over_another_aspect_ratio() -> None:
    call, warnings = fit(resolution=(1024, 1024), aspect_ratio=Fraction(16, 9))

    assert (call.resolution, call.aspect_ratio) == ((1024, 1024), None)
    assert warnings == ["aspect_ratio differs from the shape of resolution; it was left out"]
    assert fit(resolution=(1024, 1024), aspect_ratio=Fraction(1))[1] == []


@pytest.mark.parametrize(("model", "ratio"), [("v3", "21:9"), ("v4", "1:3")])
def test_aspect_ratio_that_is_not_taken_is_left_out(model: str, ratio: str) -> None:
    width, height = map(int, ratio.split(":"))
    call, warnings = fit(model, aspect_ratio=Fraction(width, height))

    assert (call.resolution, call.aspect_ratio) == (None, None)
    assert len(warnings) == 1
    assert "aspect_ratio" in warnings[0]


def test_unknown_version_is_refused() -> None:
    with pytest.raises(RequestError, match="`v9`") as caught:
        fit("v9")

    assert caught.value.details is not None
    assert caught.value.details["fields"][0]["field"] == "model"


def test_headers_when_built_then_the_key_alone() -> None:
    assert PROVIDER.build_headers("key-1", "request-1") == [("Api-Key", "key-1")]
