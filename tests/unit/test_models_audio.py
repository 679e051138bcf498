"""The request of `POST /synthesize`."""

import pytest
from pydantic import ValidationError

from audio_gen.models import SpeechRequest
from electrons.media.audio import FORMATS


def test_request_when_only_a_text_then_the_defaults() -> None:
    request = SpeechRequest.model_validate({"text": "Hello"})

    assert (request.voice_id, request.model_id, request.timestamps) == (None, None, False)
    assert request.options.model_dump() == {
        "stability": 0.5,
        "similarity_boost": 0.75,
        "style": 0.0,
        "use_speaker_boost": True,
        "speed": None,
        "output_format": "mp3_44100_128",
    }


def test_request_when_settings_are_zero_then_they_stay_zero() -> None:
    options = {"stability": 0, "similarity_boost": 0, "style": 0, "use_speaker_boost": False}

    request = SpeechRequest.model_validate({"text": "Hello", "options": options})

    assert request.options.model_dump(include=set(options)) == options


@pytest.mark.parametrize("name", FORMATS)
def test_request_when_the_format_is_known_then_taken(name: str) -> None:
    request = SpeechRequest.model_validate({"text": "Hello", "options": {"output_format": name}})

    assert request.options.output_format == name


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": " \n"}, "text"),
        ({"text": 5}, "text"),
        ({"voice_id": "../secret"}, "voice_id"),
        ({"voice_id": "."}, "voice_id"),
        ({"voice_id": ".."}, "voice_id"),
        ({"voice_id": "a?b=c"}, "voice_id"),
        ({"voice_id": " "}, "voice_id"),
        ({"voice_id": "a\n"}, "voice_id"),
        ({"model_id": "a/b"}, "model_id"),
        ({"model_id": "a:b:c"}, "model_id"),
        ({"timestamps": "yes"}, "timestamps"),
        ({"options": {"stability": 1.1}}, "options.stability"),
        ({"options": {"similarity_boost": -0.1}}, "options.similarity_boost"),
        ({"options": {"style": "0"}}, "options.style"),
        ({"options": {"use_speaker_boost": 1}}, "options.use_speaker_boost"),
        ({"options": {"speed": 0.5}}, "options.speed"),
        ({"options": {"output_format": "flac_44100"}}, "options.output_format"),
    ],
)
def test_wrong_field_is_named(fields: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SpeechRequest.model_validate({"text": "Hello", **fields})

    assert [".".join(map(str, error["loc"])) for error in caught.value.errors()] == [field]
