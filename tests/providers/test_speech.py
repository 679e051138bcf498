"""What a call for speech counts, however it ends."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from electrons.capabilities.speech import list_voices, read_speech
from electrons.context import Context
from electrons.errors import ProviderError
from electrons.providers.elevenlabs import ElevenLabsProvider
from tests.providers.cases import SPEECH_CALL, create_context

PROVIDER = ElevenLabsProvider()
AUDIO = {"Content-Type": "audio/mpeg"}


def units_of(context: Context) -> int:
    assert context.usage is not None
    return context.usage.input_at_most


@pytest.mark.parametrize(
    ("headers", "units"), [({"character-cost": "6"}, 6), ({"character-cost": "0"}, 0), ({}, len(SPEECH_CALL.text))]
)
async def test_usage_is_what_the_provider_charged_or_the_text(headers: dict[str, str], units: int) -> None:
    context = create_context(PROVIDER, lambda _: httpx2.Response(200, headers={**AUDIO, **headers}, content=b"..."))

    await read_speech(context, PROVIDER, SPEECH_CALL)

    assert units_of(context) == units


async def test_refused_speech_is_not_counted() -> None:
    context = create_context(PROVIDER, lambda _: httpx2.Response(400))

    with pytest.raises(ProviderError):
        await read_speech(context, PROVIDER, SPEECH_CALL)

    assert units_of(context) == 0


async def test_interrupted_audio_is_counted() -> None:
    async def break_off() -> AsyncIterator[bytes]:
        yield b"ID3"
        raise httpx2.ReadError("gone")

    context = create_context(PROVIDER, lambda _: httpx2.Response(200, headers=AUDIO, content=break_off()))

    with pytest.raises(ProviderError, match="was interrupted"):
        await read_speech(context, PROVIDER, SPEECH_CALL)

    assert units_of(context) == len(SPEECH_CALL.text)


async def test_caller_who_leaves_pays_for_the_text() -> None:
    asked = asyncio.Event()

    async def never(_request: httpx2.Request) -> httpx2.Response:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    context = create_context(PROVIDER, never)
    task = asyncio.create_task(read_speech(context, PROVIDER, SPEECH_CALL))
    await asked.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    assert units_of(context) == len(SPEECH_CALL.text)


async def test_usage_when_voices_are_listed_then_one_request() -> None:
    context = create_context(PROVIDER, lambda _: httpx2.Response(200, json={"voices": []}))

    assert await list_voices(context, PROVIDER) == []
    assert units_of(context) == 1
