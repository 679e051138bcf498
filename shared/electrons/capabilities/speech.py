"""Speech from any `SpeechProvider`: its bytes, or its open answer for what streams it on. `context.usage` is filled
whatever happens: a call that was answered has been charged, even when its sound then breaks off.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from electrons.context import Context
from electrons.media.audio import AudioFormat
from electrons.media.subtitles import Alignment
from electrons.upstream.client import call_provider, iterate_body, open_response, parsing, read_json, unreadable
from electrons.upstream.provider import Provider, ProviderRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechCall:
    """A text to speak as a provider gets it: None means that the option is not sent at all."""

    text: str
    voice_id: str
    model: str
    audio_format: AudioFormat
    speed: float | None = None
    stability: float | None = None
    similarity_boost: float | None = None
    style: float | None = None
    use_speaker_boost: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A voice that an account may use."""

    voice_id: str
    name: str
    category: str
    labels: dict[str, str]
    preview_url: str | None


class SpeechProvider(Provider):
    """A vendor that speaks. Parsers raise AttributeError, LookupError, TypeError or ValueError for another shape."""

    @abstractmethod
    def build_speech(self, call: SpeechCall, *, timestamps: bool) -> ProviderRequest:
        """The request; its answer is the sound, with `timestamps` a document for `parse_timed_speech`."""

    @abstractmethod
    def parse_characters(self, headers: httpx2.Headers) -> int | None:
        """What the provider has charged for an answer, in characters, where it says that."""

    @abstractmethod
    def parse_timed_speech(self, document: dict[str, Any]) -> tuple[bytes, Alignment]:
        """The sound, and when each character is spoken."""

    @abstractmethod
    def build_voices(self) -> ProviderRequest:
        """The request for the list of voices."""

    @abstractmethod
    def parse_voices(self, document: dict[str, Any]) -> list[Voice]:
        """The voices in a 200 answer."""


@asynccontextmanager
async def open_speech(context: Context, provider: SpeechProvider, call: SpeechCall) -> AsyncIterator[httpx2.Response]:
    """An answer whose body is the sound and has not been read; closed at the block's end.

    Raises `ProviderError` and what derives from it, also for an answer whose type is that of no sound.
    """
    async with _open(context, provider, call, timestamps=False) as response:
        content_type = response.headers.get("content-type", "").lower()
        if not content_type.startswith(("audio/", "application/octet-stream")):
            raise unreadable(provider)
        yield response


async def read_speech(context: Context, provider: SpeechProvider, call: SpeechCall) -> bytes:
    """The sound, whole. Raises `ProviderError` and what derives from it."""
    async with open_speech(context, provider, call) as response:
        return b"".join([chunk async for chunk in iterate_body(provider, response)])


async def read_timed_speech(context: Context, provider: SpeechProvider, call: SpeechCall) -> tuple[bytes, Alignment]:
    """The sound, whole, and when each character is spoken. Raises `ProviderError` and what derives from it."""
    async with _open(context, provider, call, timestamps=True) as response:
        document = await read_json(provider, response)
    with parsing(provider):
        return provider.parse_timed_speech(document)


async def list_voices(context: Context, provider: SpeechProvider) -> list[Voice]:
    """The voices of the deployment's account. Raises `ProviderError` and what derives from it."""
    if context.usage is not None:
        context.usage.input_units = 1
    return await call_provider(context, provider, provider.build_voices(), provider.parse_voices)


@asynccontextmanager
async def _open(
    context: Context, provider: SpeechProvider, call: SpeechCall, *, timestamps: bool
) -> AsyncIterator[httpx2.Response]:
    characters = 0
    try:
        async with open_response(context, provider, provider.build_speech(call, timestamps=timestamps)) as response:
            charged = provider.parse_characters(response.headers)
            characters = len(call.text) if charged is None else charged
            yield response
    except asyncio.CancelledError:
        # The provider goes on speaking.
        characters = characters or len(call.text)
        raise
    finally:
        if context.usage is not None:
            context.usage.input_units = characters
