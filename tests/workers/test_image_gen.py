"""image-gen: `POST /generate`, and the images that it stores."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.shapes import error_of, success_of

MODELS = {"ideogram": "ideogram:v3", "openai": "openai:gpt-image-2.6-flare"}
BOTH = pytest.mark.parametrize("vendor", list(MODELS))


def ask(platform: Platform, model: str | None = None, *, prompt: str = "A red cat", **options: Any) -> dict[str, Any]:
    """Return the body of a successful generation."""
    body: dict[str, Any] = {"prompt": prompt, "options": options} | ({"model": model} if model else {})
    return success_of(platform.client("image-gen").post("/generate", json=body))


def picture(platform: Platform, url: str) -> Image.Image:
    """Return the stored image, decoded."""
    answer = platform.client("image-gen").get(url).raise_for_status()
    image = Image.open(BytesIO(answer.content))
    image.load()
    assert answer.headers["Content-Type"] == f"image/{(image.format or '').lower()}"
    return image


@BOTH
def test_generated_image_is_stored_and_has_all_metadata(platform: Platform, vendor: str) -> None:
    body = ask(platform, MODELS[vendor])

    assert body.keys() == {"success", "image_url", "images", "metadata", "request_id", "timestamp"}
    (image,) = body["images"]
    metadata = body["metadata"]
    assert body["image_url"] == image["image_url"]
    assert body["image_url"].startswith(f"{platform.urls['image-gen'].rstrip('/')}/images/")
    stored = picture(platform, body["image_url"])
    assert stored.format == "PNG"
    assert stored.size == (image["width"], image["height"]) == (1024, 1024)
    seed = {"seed": image["seed"]} if vendor == "ideogram" else {}
    assert metadata == {
        "provider": vendor,
        "model": MODELS[vendor].partition(":")[2],
        "dimensions": "1024x1024",
        "format": "png",
        "generation_time_ms": metadata["generation_time_ms"],
        **seed,
    }
    assert isinstance(metadata["generation_time_ms"], int)


@BOTH
def test_each_of_several_images_is_stored(platform: Platform, emulators: Emulators, vendor: str) -> None:
    body = ask(platform, MODELS[vendor], num_images=3)

    urls = [image["image_url"] for image in body["images"]]
    assert len(set(urls)) == 3
    assert len({picture(platform, url).tobytes() for url in urls}) == 3
    assert len([call for call in emulators.requests(vendor) if call["method"] == "POST"]) == 1


def test_version_3_gets_every_option(platform: Platform) -> None:
    body = ask(
        platform,
        "ideogram:v3",
        aspect_ratio="16:9",
        style="realistic",
        num_images=2,
        seed=0,
        negative_prompt="dogs",
        quality="low",
    )

    assert [image["seed"] for image in body["images"]] == [0, 1]
    assert body["metadata"]["seed"] == 0
    assert "warnings" not in body["metadata"]
    width, height = picture(platform, body["image_url"]).size
    assert width / height == pytest.approx(16 / 9, rel=0.03)


def test_version_4_makes_a_large_image_with_warnings(platform: Platform) -> None:
    body = ask(platform, "ideogram:v4", aspect_ratio="9:16", seed=5, num_images=2, quality="high")

    assert picture(platform, body["image_url"]).size == (1440, 2560)
    assert len(body["images"]) == 1
    assert body["metadata"]["model"] == "v4"
    assert body["metadata"]["warnings"] == [
        "Ideogram v4 does not take num_images; it was left out",
        "Ideogram v4 does not take seed; it was left out",
    ]


def test_openai_gets_its_own_terms(platform: Platform, emulators: Emulators) -> None:
    body = ask(platform, "openai:gpt-image-2", aspect_ratio="3:2", quality="turbo", style="REALISTIC", seed=7)

    (call,) = emulators.requests("openai")
    assert call["body"] == {
        "model": "gpt-image-2",
        "prompt": "A red cat",
        "n": 1,
        "size": "1536x1024",
        "quality": "low",
    }
    assert body["metadata"]["dimensions"] == "1536x1024"
    assert len(body["metadata"]["warnings"]) == 2


@pytest.mark.parametrize(
    ("model", "provider", "name"),
    [
        (None, "ideogram", "v3"),
        ("ideogram-v2", "ideogram", "v3"),
        ("Ideogram:v3", "ideogram", "v3"),
        ("ideogram:v2", "ideogram", "v3"),
        ("gpt-image-2", "openai", "gpt-image-2"),
        ("dall-e-3", "openai", "gpt-image-2"),
    ],
)
def test_metadata_has_the_model_that_answered(platform: Platform, model: str | None, provider: str, name: str) -> None:
    metadata = ask(platform, model, prompt="A small cat", quality="low")["metadata"]

    assert (metadata["provider"], metadata["model"]) == (provider, name)


def test_default_model_of_the_deployment_answers(platform: Platform) -> None:
    answer = platform.client("image-gen-with-another-default").post("/generate", json={"prompt": "A cat"})

    assert success_of(answer)["metadata"]["provider"] == "openai"


@pytest.mark.parametrize("options", [{"aspect_ratio": "ASPECT_16_10"}, {"resolution": "RESOLUTION_1280_800"}])
def test_options_in_the_spelling_of_version_2_are_understood(platform: Platform, options: dict[str, str]) -> None:
    body = ask(platform, "ideogram-v2", **options)

    assert body["metadata"]["dimensions"] == "1280x800"
    assert "warnings" not in body["metadata"]


def test_prompt_of_any_characters_is_sent_in_the_form(platform: Platform) -> None:
    ask(platform, "ideogram:v3", prompt='naïve 好的 🚀 "quoted"\r\n--\r\nContent-Disposition: form-data; name="seed"')


def test_image_is_served_with_ranges_and_conditions(platform: Platform) -> None:
    client = platform.client("image-gen")
    (image,) = ask(platform)["images"]

    whole = client.get(image["image_url"])
    head = client.head(image["image_url"])
    part = client.get(image["image_url"], headers={"Range": "bytes=0-7"})
    known = client.get(image["image_url"], headers={"If-None-Match": whole.headers["ETag"]})
    beyond = client.get(image["image_url"], headers={"Range": f"bytes={image['size_bytes']}-"})

    assert len(whole.content) == image["size_bytes"] == int(head.headers["Content-Length"])
    assert whole.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (part.status_code, part.content) == (206, b"\x89PNG\r\n\x1a\n")
    assert known.status_code == 304
    error_of(beyond, 416, "RANGE_NOT_SATISFIABLE")


@pytest.mark.parametrize("name", ["a.png", "0" * 32 + ".png", "..%2f..%2fx.png", "0" * 32])
def test_unknown_image_is_404(platform: Platform, name: str) -> None:
    answer = platform.client("image-gen").get(f"/images/{name}")

    assert error_of(answer, 404, "NOT_FOUND")["error"] == "Image file not found"


def test_only_stored_images_and_health_need_no_key(platform: Platform) -> None:
    client = platform.client("image-gen-with-keys-required")

    error_of(client.post("/generate", json={"prompt": "A cat"}), 401, "UNAUTHORIZED")
    assert client.get("/health").status_code == 200
    error_of(client.get(f"/images/{'0' * 32}.png"), 404, "NOT_FOUND")


def test_deep_health_checks_the_bucket_and_both_secrets(platform: Platform) -> None:
    checks = platform.client("image-gen").get("/health?deep=1").json()["checks"]

    assert {"DB", "RATE_LIMITER", "IDEOGRAM_API_KEY", "OPENAI_API_KEY"} <= checks.keys()
    assert set(checks.values()) == {"ok"}
