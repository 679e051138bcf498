"""The emulated embeddings and speech of OpenAI, by OpenAI's own SDK."""

from __future__ import annotations

import math

import openai
import pytest


def test_equal_texts_have_equal_unit_vectors(openai_client: openai.OpenAI) -> None:
    made = openai_client.embeddings.create(model="text-embedding-3-small", input=["sea", "sea", "mountain"])

    first, second, third = (item.embedding for item in made.data)
    assert len(first) == 1536
    assert first == second != third
    assert math.isclose(math.sqrt(sum(value * value for value in first)), 1, rel_tol=1e-3)
    assert made.usage.prompt_tokens == made.usage.total_tokens > 0


def test_dimensions_and_tokens_are_taken(openai_client: openai.OpenAI) -> None:
    made = openai_client.embeddings.create(model="text-embedding-3-large", input=[1, 2, 3], dimensions=8)

    assert len(made.data[0].embedding) == 8
    assert made.usage.prompt_tokens == 3


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"model": "text-embedding-9", "input": "a"}, openai.NotFoundError),
        ({"model": "text-embedding-ada-002", "input": "a", "dimensions": 8}, openai.BadRequestError),
        ({"model": "text-embedding-3-small", "input": ""}, openai.BadRequestError),
        ({"model": "text-embedding-3-small", "input": []}, openai.BadRequestError),
        ({"model": "text-embedding-3-small", "input": "word " * 9000}, openai.BadRequestError),
    ],
)
def test_embedding_that_openai_refuses_is_refused(
    openai_client: openai.OpenAI, fields: dict[str, object], kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        openai_client.embeddings.create(**fields)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("response_format", "start"), [("mp3", b"ID3"), ("wav", b"RIFF"), ("opus", b"OggS"), ("pcm", b"")]
)
def test_speech_has_the_format_that_is_asked_for(
    openai_client: openai.OpenAI, response_format: str, start: bytes
) -> None:
    spoken = openai_client.audio.speech.create(
        model="gpt-4o-mini-tts", voice="alloy", input="Hello.", response_format=response_format
    )  # type: ignore[call-overload]

    assert spoken.content.startswith(start)
    assert len(spoken.content) > 2000


def test_speech_is_faster_with_more_speed(openai_client: openai.OpenAI) -> None:
    slow, fast = (
        openai_client.audio.speech.create(
            model="tts-1", voice="nova", input="A longer sentence to speak.", response_format="pcm", speed=speed
        ).content
        for speed in (0.8, 1.6)
    )

    assert len(fast) < 0.7 * len(slow)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"voice": "nobody"}, openai.BadRequestError),
        ({"input": ""}, openai.BadRequestError),
        ({"input": "x" * 4097}, openai.BadRequestError),
        ({"model": "tts-9"}, openai.NotFoundError),
        ({"speed": 5.0}, openai.BadRequestError),
    ],
)
def test_speech_that_openai_refuses_is_refused(
    openai_client: openai.OpenAI, fields: dict[str, object], kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        openai_client.audio.speech.create(**{"model": "tts-1", "voice": "alloy", "input": "Hi", **fields})  # type: ignore[arg-type]
