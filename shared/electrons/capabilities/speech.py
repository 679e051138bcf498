"""Speech from any `SpeechProvider`: the audio in memory, or the open response for whatever streams it on.

`context.usage` is filled in any case: a call that was answered has been charged, even if its audio is then interrupted.
"""

from __future__ import annotations

import binascii
from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import httpx2

from electrons.context import Context
from electrons.media.audio import AudioFormat
from electrons.media.subtitles import Alignment
from electrons.upstream.body import read_body
from electrons.upstream.client import call_provider, open_response, read_json
from electrons.upstream.embedded import extract_files
from electrons.upstream.failures import parsing, unreadable
from electrons.upstream.provider import Provider, ProviderRequest
from electrons.usage import Units


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
    """A vendor of speech. Parsers raise AttributeError, LookupError, TypeError or ValueError for another shape."""

    default_model: ClassVar[str]
    """The model for requests that name none, unless the deployment has a default of its own."""
    default_voice: ClassVar[str]
    """The voice for requests that name none, unless the deployment has a default of its own."""
    formats: ClassVar[tuple[str, ...]]
    """The names of the audio formats that the vendor can return, its default first."""
    fixed_voices: ClassVar[tuple[Voice, ...]] = ()
    """All voices of a vendor that has no list to ask for."""
    has_timestamps: ClassVar[bool] = False
    """Whether the vendor can report when each character is spoken."""

    @abstractmethod
    def fit_speech(self, call: SpeechCall, *, explicit: frozenset[str]) -> tuple[SpeechCall, list[str]]:
        """Return the call without what its model does not take, and a warning for each `explicit` option left out.

        Raises `RequestError` for what the vendor cannot speak at all.
        """

    @abstractmethod
    def build_speech(self, call: SpeechCall, *, timestamps: bool) -> ProviderRequest:
        """Build the request. Its response is the audio; with `timestamps`, a document for `parse_timed_speech`."""

    @abstractmethod
    def parse_characters(self, headers: httpx2.Headers) -> int | None:
        """Return what the vendor has charged for a response, in characters, None where it does not say."""

    def parse_timed_speech(self, document: dict[str, Any]) -> tuple[str, Alignment]:
        """Return the audio in base64, and when each character is spoken. Needed where the vendor `has_timestamps`."""
        raise NotImplementedError

    def build_voices(self) -> ProviderRequest:
        """Build the request for the list of voices. Needed unless the vendor has `fixed_voices`."""
        raise NotImplementedError

    def parse_voices(self, document: dict[str, Any]) -> list[Voice | None]:
        """Return the voices in a 200 response, with None in place of each one that cannot be read."""
        raise NotImplementedError


def leave_out(call: SpeechCall, *options: str, explicit: frozenset[str], title: str) -> tuple[SpeechCall, list[str]]:
    """Return the call without these options, and a warning for each `explicit` one; `title` names the model."""
    changes: dict[str, Any] = dict.fromkeys(options)
    asked_for = [option for option in options if option in explicit and getattr(call, option) is not None]
    warnings = [f"{title} does not take {option}; it was left out" for option in asked_for]
    return replace(call, **changes), warnings


@asynccontextmanager
async def open_speech(context: Context, provider: SpeechProvider, call: SpeechCall) -> AsyncIterator[httpx2.Response]:
    """Open a response whose body is the audio and has not been read; the block's end closes it.

    Raises `ProviderError` and its subclasses, also for a response whose type is not that of audio.
    """
    async with _open(context, provider, call, timestamps=False) as response:
        content_type = response.headers.get("content-type", "").lower()
        if not content_type.startswith(("audio/", "application/octet-stream")):
            raise unreadable(provider)
        yield response


async def read_speech(context: Context, provider: SpeechProvider, call: SpeechCall) -> bytes:
    """Return the whole audio. Raises `ProviderError` and its subclasses."""
    async with open_speech(context, provider, call) as response:
        return await read_body(provider, response)


async def read_timed_speech(context: Context, provider: SpeechProvider, call: SpeechCall) -> tuple[bytes, Alignment]:
    """Return the whole audio, and when each character is spoken. Raises `ProviderError` and its subclasses."""
    files: dict[str, bytes | None] = {}

    async def take(name: str, content: bytes | None) -> None:
        files[name] = content

    async with _open(context, provider, call, timestamps=True) as response:
        document = await read_json(provider, await extract_files(provider, response, take))
    with parsing(provider):
        audio, alignment = provider.parse_timed_speech(document)
        content = files[audio] if audio in files else binascii.a2b_base64(audio, strict_mode=True)
    if content is None:
        raise unreadable(provider)
    return content, alignment


async def list_voices(context: Context, provider: SpeechProvider) -> list[Voice]:
    """Return the voices of the deployment's account, without those that cannot be read: a warning counts them.

    Raises `ProviderError` and its subclasses.
    """
    if provider.fixed_voices:
        return list(provider.fixed_voices)
    if context.usage is not None:
        context.usage.input_units = 1
    found = await call_provider(context, provider, provider.build_voices(), provider.parse_voices)
    voices = [voice for voice in found if voice is not None]
    if found and not voices:
        raise unreadable(provider)
    if lost := len(found) - len(voices):
        context.warnings.append(
            f"{lost} of {len(found)} voices of {provider.title} could not be read and were left out"
        )
    return voices


@asynccontextmanager
async def _open(
    context: Context, provider: SpeechProvider, call: SpeechCall, *, timestamps: bool
) -> AsyncIterator[httpx2.Response]:
    characters = 0
    try:
        request = replace(provider.build_speech(call, timestamps=timestamps), most=Units(len(call.text), 0))
        async with open_response(context, provider, request) as response:
            charged = provider.parse_characters(response.headers)
            characters = len(call.text) if charged is None else charged
            if context.usage is not None:
                context.usage.end_call(is_unknown=False)  # it may be free, and is not counted as unknown then
            yield response
    finally:
        if context.usage is not None:
            context.usage.input_units = characters
