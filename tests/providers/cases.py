"""Cases of providers, and one call of each capability, for the tests of all providers.

A provider's test file has a table `CASES`: for each of its capabilities, by name, responses of the provider and what
they become. `test_conformance.py` runs every table, and fails for a provider whose table lacks a required case;
`test_wrong_answers.py` changes every value in the successes.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2

from electrons.app import App
from electrons.capabilities.images import ImageCall, ImageProvider, generate_images
from electrons.capabilities.render import RenderProvider, look_up_render
from electrons.capabilities.speech import SpeechCall, SpeechProvider, list_voices, read_speech, read_timed_speech
from electrons.capabilities.stock import Bounds, StockCall, StockProvider, search_media
from electrons.capabilities.text import TextCall, TextMessage, TextProvider, TextResult, generate_text
from electrons.capabilities.turns import Tool, TurnCall, TurnProvider, UserText, take_turn
from electrons.context import Context
from electrons.media.audio import AudioFormat
from electrons.providers.cloudflare.provider import CloudflareProvider, Script
from electrons.providers.cloudflare.scripts import read_live
from electrons.providers.github.provider import GitHubProvider
from electrons.providers.github.repositories import read_blob
from electrons.settings import Secret, Settings
from electrons.testing import TestClient
from electrons.upstream.provider import Provider
from electrons.usage import Usage
from tests.providers.streams import stream_text

REQUIRED_CASES = ("success", "401", "429", "5xx")

API_KEY = "test-key-0001"

TEXT_CALL = TextCall(model="model-1", messages=(TextMessage("user", "Hello"),), max_tokens=100)
TURN_CALL = TurnCall(
    model="model-1",
    system="Be brief",
    tools=(Tool(name="list_files", description="Names all files", input_schema={"type": "object", "properties": {}}),),
    messages=(UserText(text="Hello"),),
    max_tokens=100,
)
SPEECH_CALL = SpeechCall(
    text="Hello there",
    voice_id="voice-1",
    model="model-1",
    audio_format=AudioFormat.parse("mp3_44100_128"),
    stability=0.5,
    similarity_boost=0.75,
    style=0.0,
    use_speaker_boost=True,
)
STOCK_LIMITS = {"max_pages": 3, "cache_seconds": 86400}
IMAGE_CALL = ImageCall(model="v3", prompt="A cat")

Cases = Mapping[str, Mapping[str, "Case"]]
Handler = (
    Callable[[httpx2.Request], httpx2.Response] | Callable[[httpx2.Request], Coroutine[None, None, httpx2.Response]]
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One answer of a provider, and the result or the kind of error that it becomes.

    With `is_stream` the body is a list of server-sent events. `needed` are the fields of a success without which there
    is no result (`choices[].message`; `[]` is an item of a list): every other field may be missing or null.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    is_stream: bool = False
    needed: Collection[str] = ()
    expected: object

    def respond(self, _request: httpx2.Request) -> httpx2.Response:
        """Return the response of the transport; a body that is not a string is sent as JSON."""
        events = self.body if self.is_stream else []
        content = "".join(f"data: {_write(event)}\n\n" for event in events) if events else _write(self.body)
        # Half of a surrogate pair that is not an escape is not UTF-8.
        content_bytes = content.encode("utf-8", "surrogatepass")
        return httpx2.Response(self.status, headers=dict(self.headers), content=content_bytes)


def _write(body: object) -> str:
    return body if isinstance(body, str) else json.dumps(body)


async def call_text(context: Context, provider: Provider) -> object:
    """Generate one text."""
    assert isinstance(provider, TextProvider)
    return await generate_text(context, provider, TEXT_CALL)


async def call_stream(context: Context, provider: Provider) -> object:
    """Stream one text; return it and what is known at its end."""
    assert isinstance(provider, TextProvider)
    result = TextResult(model=TEXT_CALL.model)
    pieces = [piece async for group in stream_text(context, provider, TEXT_CALL, result=result) for piece in group]
    return "".join(pieces), result


async def call_turns(context: Context, provider: Provider) -> object:
    """Take one turn of a conversation with tools."""
    assert isinstance(provider, TurnProvider)
    return await take_turn(context, provider, TURN_CALL)


async def call_videos(context: Context, provider: Provider) -> object:
    """Search for videos once."""
    assert isinstance(provider, StockProvider)
    return await search_media(context, provider, StockCall(kind="videos", query="ocean"), Bounds(), **STOCK_LIMITS)


async def call_photos(context: Context, provider: Provider) -> object:
    """Search for photos once."""
    assert isinstance(provider, StockProvider)
    return await search_media(context, provider, StockCall(kind="photos", query="ocean"), Bounds(), **STOCK_LIMITS)


async def call_image(context: Context, provider: Provider) -> object:
    """Generate images once."""
    assert isinstance(provider, ImageProvider)
    return await generate_images(context, provider, IMAGE_CALL)


async def call_render(context: Context, provider: Provider) -> object:
    """Look up one render."""
    assert isinstance(provider, RenderProvider)
    return await look_up_render(context, provider, "render-1", environment="stage")


async def call_repository(context: Context, provider: Provider) -> object:
    """Read one file of a repository."""
    assert isinstance(provider, GitHubProvider)
    return await read_blob(context, provider, "octo/hello", "b" * 40)


async def call_speech(context: Context, provider: Provider) -> object:
    """Speak one text."""
    assert isinstance(provider, SpeechProvider)
    call = replace(SPEECH_CALL, audio_format=AudioFormat.parse(provider.formats[0]))
    return await read_speech(context, provider, call)


async def call_timed_speech(context: Context, provider: Provider) -> object:
    """Speak one text, with the times of its characters."""
    assert isinstance(provider, SpeechProvider)
    return await read_timed_speech(context, provider, SPEECH_CALL)


async def call_voices(context: Context, provider: Provider) -> object:
    """List the voices once."""
    assert isinstance(provider, SpeechProvider)
    return await list_voices(context, provider)


async def call_deployment(context: Context, provider: Provider) -> object:
    """Read once what is live."""
    assert isinstance(provider, CloudflareProvider)
    return await read_live(context, Script("account-1", "worker-1"))


CALLERS: Mapping[str, Callable[[Context, Provider], Awaitable[object]]] = {
    "text": call_text,
    "stream": call_stream,
    "deployment": call_deployment,
    "turns": call_turns,
    "image": call_image,
    "render": call_render,
    "repository": call_repository,
    "videos": call_videos,
    "photos": call_photos,
    "speech": call_speech,
    "timed_speech": call_timed_speech,
    "voices": call_voices,
}
"""How each capability is called once."""


def create_context(provider: Provider, handler: Handler, **settings: Any) -> Context:
    """Return a context whose calls are answered by `handler`; upper-case `settings` are a provider's."""
    declared: dict[str, str | Secret] = {credential.name: Secret(API_KEY) for credential in provider.credentials}
    declared |= {name: settings.pop(name) for name in list(settings) if name.isupper()}
    client = TestClient(
        App("worker"), settings=Settings(declared=declared, **settings), http=httpx2.MockTransport(handler)
    )
    context = client.create_context("POST", "/")
    context.request_id = "request-1"
    context.usage = Usage(provider=provider.name, model="model-1")
    return context


def body_of(content: bytes) -> dict[str, Any]:
    """Return a request's JSON document."""
    document: dict[str, Any] = json.loads(content)
    return document
