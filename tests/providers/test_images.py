"""Generate images and fetch them: what is counted, what is repeated, and which links are followed."""

import asyncio
from base64 import b64encode
from typing import Any

import httpx2
import pytest

from electrons.capabilities.images import (
    GeneratedImage,
    ImageCall,
    generate_images,
    is_own_link,
    read_image,
)
from electrons.context import Context
from electrons.errors import ProviderError, ProviderTimeoutError, ProviderUnreachableError, UnknownProviderError
from electrons.providers.ideogram import IdeogramProvider
from electrons.providers.openai.provider import OpenAIProvider
from electrons.registry import resolve_model
from electrons.settings import Settings
from tests.providers.cases import API_KEY, Handler, create_context

PROVIDER = IdeogramProvider()
CALL = ImageCall(model="v3", prompt="A cat", num_images=3)
LIMIT = 20_971_520
LINK = "https://ideogram.ai/api/images/ephemeral/a.png?exp=1&sig=2"
IMAGE = {"prompt": "A cat", "seed": 1, "is_image_safe": True, "url": LINK}
ANSWER = {"data": [IMAGE, IMAGE, {**IMAGE, "is_image_safe": False, "url": None}]}


class Script:
    """A provider that responds with each step in turn, or raises it if it is an error, and the requests that it got."""

    def __init__(self, *steps: httpx2.Response | Exception) -> None:
        self._steps = iter(steps)
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        step = next(self._steps)
        if isinstance(step, Exception):
            raise step
        return step


def counted(context: Context) -> int:
    assert context.usage is not None
    return context.usage.output_at_most


async def fetch(handler: Handler, url: str = LINK, *, max_bytes: int = LIMIT, **settings: Any) -> bytes:
    context = create_context(PROVIDER, handler, **settings)
    return await read_image(context, PROVIDER, GeneratedImage(url=url), max_bytes=max_bytes)


async def test_all_images_are_counted_withheld_ones_too() -> None:
    context = create_context(PROVIDER, Script(httpx2.Response(200, json=ANSWER)))

    images = await generate_images(context, PROVIDER, CALL)

    assert [image.withheld for image in images] == [False, False, True]
    assert counted(context) == 3


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (httpx2.ConnectError("lost"), ProviderUnreachableError),
        (httpx2.ReadTimeout("slow"), ProviderTimeoutError),
        (httpx2.Response(200, content=b"{"), ProviderError),
        (httpx2.Response(200, json={"data": []}), ProviderError),
    ],
    ids=["lost", "slow", "cut short", "empty"],
)
async def test_generation_of_unknown_outcome_is_not_repeated(
    step: httpx2.Response | Exception, expected: type[ProviderError]
) -> None:
    script = Script(step)
    context = create_context(PROVIDER, script)

    with pytest.raises(expected) as caught:
        await generate_images(context, PROVIDER, CALL)

    assert type(caught.value) is expected
    assert len(script.requests) == 1
    assert caught.value.details is not None
    assert caught.value.details["outcome"] == "unknown"
    assert "may have made the images" in caught.value.message
    assert counted(context) == 3


async def test_generation_that_was_not_begun_made_no_images() -> None:
    script = Script(httpx2.Response(500, json={}))
    context = create_context(PROVIDER, script, circuit_failures=1)
    with pytest.raises(ProviderError):
        await generate_images(context, PROVIDER, CALL)

    with pytest.raises(ProviderUnreachableError) as caught:
        await generate_images(context, PROVIDER, CALL)

    assert len(script.requests) == 1
    assert "outcome" not in (caught.value.details or {})
    assert counted(context) == 3  # those of the first call


@pytest.mark.parametrize(
    ("status", "count"),
    [(408, 0), (409, 0), (500, 3), (502, 3), (503, 3), (504, 3), (521, 0), (523, 0), (529, 3), (530, 0), (307, 0)],
)
async def test_failure_that_may_follow_the_work_is_not_repeated(status: int, count: int) -> None:
    script = Script(httpx2.Response(status, json={"error": "No"}))
    context = create_context(PROVIDER, script)

    with pytest.raises(ProviderError) as caught:
        await generate_images(context, PROVIDER, CALL)

    assert caught.value.upstream_status == status
    assert len(script.requests) == 1
    assert counted(context) == count


@pytest.mark.parametrize("status", [429, 503])
async def test_generation_is_repeated_if_the_provider_asks_for_it(status: int) -> None:
    script = Script(
        httpx2.Response(status, headers={"Retry-After": "0"}, json={"error": "Later"}),
        httpx2.Response(200, json=ANSWER),
    )
    context = create_context(PROVIDER, script)

    assert len(await generate_images(context, PROVIDER, CALL)) == 3
    assert len(script.requests) == 2
    assert counted(context) == 3


async def test_generation_of_a_caller_who_leaves_is_counted_in_full() -> None:
    begun = asyncio.Event()

    async def wait(_request: httpx2.Request) -> httpx2.Response:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    context = create_context(PROVIDER, wait)
    task = asyncio.ensure_future(generate_images(context, PROVIDER, CALL))
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert counted(context) == 3


async def test_file_is_fetched_without_credentials() -> None:
    script = Script(httpx2.Response(200, content=b"image"))

    assert await fetch(script) == b"image"

    (request,) = script.requests
    assert (request.method, str(request.url)) == ("GET", LINK)
    assert API_KEY not in str(request.headers)


async def test_lost_connection_to_a_file_is_retried() -> None:
    script = Script(httpx2.ConnectError("lost"), httpx2.Response(200, content=b"image"))

    assert await fetch(script) == b"image"


@pytest.mark.parametrize("status", [302, 403, 404, 410])
async def test_refused_link_is_not_an_error_about_our_key(status: int) -> None:
    script = Script(httpx2.Response(status, headers={"Location": "https://other.example/"}))

    with pytest.raises(ProviderError, match=f"its link was answered with {status}") as caught:
        await fetch(script)

    assert type(caught.value) is ProviderError
    assert len(script.requests) == 1


async def test_file_over_the_limit_is_refused() -> None:
    whole = httpx2.Response(200, content=b"x" * 100)

    assert len(await fetch(Script(whole), max_bytes=100)) == 100
    with pytest.raises(ProviderError, match="larger than 99 bytes"):
        await fetch(Script(httpx2.Response(200, content=b"x" * 100)), max_bytes=99)


async def test_file_on_another_host_is_not_fetched() -> None:
    script = Script()

    with pytest.raises(ProviderError, match="does not lead to Ideogram"):
        await fetch(script, "https://images.example/a.png")
    assert script.requests == []


@pytest.mark.parametrize(("size", "fits"), [(100, True), (101, False)])
async def test_base64_when_decoded_then_the_limit_holds_for_the_bytes(size: int, fits: bool) -> None:
    provider = OpenAIProvider()
    context = create_context(provider, Script())
    content = bytes(size)
    image = GeneratedImage(base64=b64encode(content).decode())

    if fits:
        assert await read_image(context, provider, image, max_bytes=100) == content
        return
    with pytest.raises(ProviderError, match="larger than 100 bytes"):
        await read_image(context, provider, image, max_bytes=100)


@pytest.mark.parametrize("text", ["?", "AAA", "AA AA", "ää"])
async def test_invalid_base64_is_a_provider_error(text: str) -> None:
    provider = OpenAIProvider()

    with pytest.raises(ProviderError, match="not valid base64"):
        await read_image(create_context(provider, Script()), provider, GeneratedImage(base64=text), max_bytes=LIMIT)


@pytest.mark.parametrize(
    "url", [LINK, "https://api.ideogram.ai/x", "https://cdn.eu.ideogram.ai/x?y", "https://IDEOGRAM.AI/x"]
)
def test_link_when_host_belongs_to_provider_then_own_link(url: str) -> None:
    assert is_own_link(PROVIDER, Settings(), url)
    assert is_own_link(PROVIDER, Settings(declared={"IDEOGRAM_BASE_URL": "https://gateway.example/ideogram"}), url)


FOREIGN = [
    "",
    "/relative",
    "http://ideogram.ai/a.png",
    "https://ideogram.ai:8443/a.png",
    "https://user@ideogram.ai/a.png",
    "https://ideogram.ai@evil.example/a.png",
    "https://evilideogram.ai/a.png",
    "https://ideogram.ai.evil.example/a.png",
    "https://evil.example\\.ideogram.ai/a.png",
    "https://evil.example#.ideogram.ai/a.png",
    "https://127.0.0.1/a.png",
    "http://127.0.0.1:8800/a.png",
    "https://[::1]/a.png",
    "https://[/a.png",
    "file:///etc/passwd",
    "data:image/png;base64,AAAA",
]


@pytest.mark.parametrize("url", FOREIGN)
def test_link_when_it_leads_elsewhere_then_it_is_not_its_own(url: str) -> None:
    assert not is_own_link(PROVIDER, Settings(), url)


@pytest.mark.parametrize(
    ("base", "url", "own"),
    [
        ("http://127.0.0.1:8800/ideogram", "http://127.0.0.1:8800/ideogram/_files/a.png", True),
        ("http://localhost:8800", "http://localhost:8800/a.png", True),
        ("https://gateway.example/i", "https://gateway.example/a.png", True),
        ("http://127.0.0.1:8800/ideogram", "http://127.0.0.1:8801/a.png", False),
        ("http://127.0.0.1:8800/ideogram", "https://127.0.0.1:8800/a.png", False),
        ("http://127.0.0.1:8800/ideogram", "http://127.0.0.2:8800/a.png", False),
        ("http://gateway.example/i", "http://gateway.example/a.png", False),
        ("https://gateway.example/i", "https://files.gateway.example/a.png", False),
    ],
)
def test_link_to_the_host_of_another_base_url_is_accepted(base: str, url: str, own: bool) -> None:
    assert is_own_link(PROVIDER, Settings(declared={"IDEOGRAM_BASE_URL": base}), url) is own


@pytest.mark.parametrize(
    ("model", "provider", "name"),
    [
        ("ideogram:v3", "ideogram", "v3"),
        ("Ideogram:v4", "ideogram", "v4"),
        ("ideogram:v2", "ideogram", "v3"),
        ("ideogram-v2", "ideogram", "v3"),
        ("ideogram-V2-turbo", "ideogram", "v3"),
        ("ideogram-v1", "ideogram", "v3"),
        ("ideogram-v2a", "ideogram", "v3"),
        ("ideogram:V_1", "ideogram", "v3"),
        ("ideogram:V_2", "ideogram", "v3"),
        ("ideogram:V_2A_TURBO", "ideogram", "v3"),
        ("ideogram:V_3", "ideogram", "v3"),
        ("ideogram:ideogram-v4", "ideogram", "v4"),
        ("ideogram_v2_turbo", "ideogram", "v3"),
        ("ideogram-v3", "ideogram", "v3"),
        ("ideogram-v4", "ideogram", "v4"),
        ("ideogram", "ideogram", "v3"),
        ("openai:gpt-image-2", "openai", "gpt-image-2"),
        ("gpt-image-2.6-flare", "openai", "gpt-image-2.6-flare"),
        ("dall-e-3", "openai", "gpt-image-2"),
        ("openai:gpt-image-1", "openai", "gpt-image-2"),
        ("gpt-image-1.5", "openai", "gpt-image-2"),
        ("openai:gpt-image-1-mini", "openai", "gpt-image-2"),
        ("chatgpt-image-latest", "openai", "gpt-image-2"),
        ("dall-e-2", "openai", "gpt-image-2"),
    ],
)
def test_model_when_named_in_any_way_then_its_provider_and_name(model: str, provider: str, name: str) -> None:
    found, own_name = resolve_model(model, [PROVIDER, OpenAIProvider()])

    assert (found.name, own_name) == (provider, name)


@pytest.mark.parametrize("model", ["midjourney:v7", "ideogram:", ":v3"])
def test_unknown_provider_is_refused_with_the_known_ones(model: str) -> None:
    with pytest.raises(UnknownProviderError, match="ideogram, openai"):
        resolve_model(model, [PROVIDER, OpenAIProvider()])
