"""Embeddings and speech through the official `openai` SDK."""

import io
import wave
from typing import Any

import av
import openai
import pytest

from tests.emulators.process import Emulators

SIZES = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}


def likeness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("model", SIZES)
def test_embeddings_are_unit_vectors_that_show_likeness(openai_client: openai.OpenAI, model: str) -> None:
    texts = ["The bees make honey", "Bees are making honey", "Invoices are due in March"]
    answer = openai_client.embeddings.create(model=model, input=texts)
    bees, more_bees, invoices = (item.embedding for item in answer.data)

    assert len(bees) == SIZES[model] and likeness(bees, bees) == pytest.approx(1, abs=1e-5)
    assert likeness(bees, more_bees) > likeness(bees, invoices) + 0.2
    assert answer.usage.prompt_tokens == sum(-(-len(text) // 4) for text in texts)


def test_embedding_is_the_same_in_both_encodings(openai_client: openai.OpenAI) -> None:
    options: Any = {"model": "text-embedding-3-small", "input": "Hello", "dimensions": 64}
    decoded = openai_client.embeddings.create(**options).data[0].embedding
    plain = openai_client.embeddings.create(**options, encoding_format="float").data[0].embedding

    assert len(plain) == 64 and decoded == pytest.approx(plain)


@pytest.mark.parametrize("given", [[1212, 318], [[1212, 318], [5]]])
def test_embedding_takes_tokens(openai_client: openai.OpenAI, given: Any) -> None:
    answer = openai_client.embeddings.create(model="text-embedding-3-small", input=given)

    assert (len(answer.data), answer.usage.total_tokens) == ((1, 2) if given[0] == 1212 else (2, 3))


@pytest.mark.parametrize(
    "options",
    [
        {"input": ""},
        {"input": []},
        {"input": ["x", ""]},
        {"input": ["x"] * 2049},
        {"input": "x" * 4 * 8193},
        {"input": ["x" * 32_000] * 38},
        {"dimensions": 0},
        {"dimensions": 4000},
        {"model": "text-embedding-ada-002", "dimensions": 5},
        {"encoding_format": "hex"},
    ],
)
def test_invalid_embedding_is_refused(openai_client: openai.OpenAI, options: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError):
        openai_client.embeddings.create(**{"model": "text-embedding-3-small", "input": "x", **options})


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [
        ("mp3", "audio/mpeg"),
        ("opus", "audio/opus"),
        ("aac", "audio/aac"),
        ("flac", "audio/flac"),
        ("wav", "audio/wav"),
        ("pcm", "audio/pcm"),
    ],
)
def test_speech_is_audible_in_each_format(openai_client: openai.OpenAI, kind: Any, content_type: str) -> None:
    with openai_client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="coral", input="Hello there", response_format=kind
    ) as answer:
        audio = answer.read()
        assert answer.headers["content-type"] == content_type

    if kind == "pcm":
        file = io.BytesIO()
        with wave.open(file, "wb") as written:
            written.setparams((1, 2, 24_000, 0, "NONE", ""))
            written.writeframes(audio)
        audio = file.getvalue()
    with av.open(io.BytesIO(audio), mode="r") as container:
        samples = b"".join(bytes(frame.planes[0]) for frame in container.decode(audio=0))
    assert len(samples) > 10_000 and len(set(samples)) > 100


def test_speech_as_events_ends_with_its_usage(emulators: Emulators, openai_client: openai.OpenAI) -> None:
    options: Any = {"model": "gpt-4o-mini-tts", "voice": "sage", "input": "Hello", "response_format": "pcm"}
    with openai_client.audio.speech.with_streaming_response.create(**options, stream_format="sse") as answer:
        frames = answer.read().decode().removesuffix("\n\n").split("\n\n")

    assert all('"speech.audio.delta"' in frame for frame in frames[:-1])
    assert '"speech.audio.done"' in frames[-1] and '"total_tokens"' in frames[-1]


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"input": " "}, "input"),
        ({"input": "x" * 4097}, "input"),
        ({"voice": "robot"}, "voice"),
        ({"voice": {"id": "voice_1"}}, "voice"),
        ({"voice": "cedar", "model": "tts-1"}, "voice"),
        ({"speed": 5}, "speed"),
        ({"response_format": "ogg"}, "response_format"),
        ({"instructions": "Softly", "model": "tts-1"}, "instructions"),
        ({"stream_format": "sse", "model": "tts-1-hd"}, "stream_format"),
    ],
)
def test_invalid_speech_is_refused_by_name(openai_client: openai.OpenAI, options: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as failure:
        openai_client.audio.speech.create(**{"model": "gpt-4o-mini-tts", "voice": "alloy", "input": "Hi", **options})

    assert failure.value.param == param


@pytest.mark.parametrize("path", ["embeddings", "speech"])
def test_unknown_model_is_not_found(openai_client: openai.OpenAI, path: str) -> None:
    with pytest.raises(openai.NotFoundError):
        if path == "embeddings":
            openai_client.embeddings.create(model="gpt-4o", input="x")
        else:
            openai_client.audio.speech.create(model="gpt-4o", input="x", voice="alloy")


def test_models_for_other_purposes_are_listed(openai_client: openai.OpenAI) -> None:
    models = {model.id for model in openai_client.models.list()}

    assert {"text-embedding-3-small", "tts-1", "gpt-image-2", "gpt-4o-mini"} <= models
    assert openai_client.models.retrieve("tts-1").owned_by == "system"
