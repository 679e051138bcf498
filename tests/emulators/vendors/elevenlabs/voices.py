"""`GET /v1/voices`, `/v2/voices`, `/v1/voices/{voice_id}`, and the files of their previews."""

from ...media import media_response
from ...speech import synthesise
from ...vendor import Call, Response, json_response
from .catalogue import VOICES, CatalogueVoice
from .http import refusal, voice_not_found


def _preview_url(call: Call, voice: CatalogueVoice) -> str:
    return call.url_of(f"/elevenlabs/_files/previews/{voice.id}.mp3")


def list_voices(call: Call) -> Response:
    """Return all voices."""
    return json_response({"voices": [voice.describe(_preview_url(call, voice)) for voice in VOICES.values()]})


def search_voices(call: Call) -> Response:
    """Return a page of voices, filtered and sorted."""

    def values_of(name: str) -> list[str]:
        return [value for value in call.query.get(name, []) if value]

    def value_of(name: str, default: str) -> str:
        return (values_of(name) or [default])[-1]

    voices = [voice.describe(_preview_url(call, voice)) for voice in VOICES.values()]
    for name, label in (
        ("gender", "gender"),
        ("age", "age"),
        ("accent", "accent"),
        ("language", "language"),
        ("use_cases", "use_case"),
    ):
        if wanted := values_of(name):
            voices = [voice for voice in voices if voice["labels"][label] in wanted]
    if wanted := values_of("voice_ids"):
        voices = [voice for voice in voices if voice["voice_id"] in wanted]
    if category := value_of("category", ""):
        voices = [voice for voice in voices if voice["category"] == category]
    if voice_type := value_of("voice_type", ""):
        kinds = {"default": ["premade"], "community": ["professional"], "non-default": ["professional"]}
        kinds |= {"saved": ["professional"], "non-community": []}
        voices = [voice for voice in voices if voice["category"] in kinds.get(voice_type, [])]
    if needle := value_of("search", "").lower():
        voices = [
            voice
            for voice in voices
            if needle in " ".join([voice["name"], voice["description"], *voice["labels"].values()]).lower()
        ]
    if value_of("sort", "") == "name":
        voices.sort(key=lambda voice: voice["name"], reverse=value_of("sort_direction", "desc") == "desc")
    try:
        size = int(value_of("page_size", "10"))
    except ValueError:
        size = 0
    if not 1 <= size <= 100:
        raise refusal(400, "The page size must be between 1 and 100.", code="invalid_page_size", param="page_size")
    token = value_of("next_page_token", "0")
    if not token.isdecimal():
        raise refusal(400, "The page token is invalid.", code="invalid_cursor", param="next_page_token")
    start = int(token)
    more = start + size < len(voices)
    return json_response(
        {
            "voices": voices[start : start + size],
            "has_more": more,
            "total_count": len(voices) if value_of("include_total_count", "true") == "true" else 0,
            "next_page_token": str(start + size) if more else None,
        }
    )


def get_voice(call: Call) -> Response:
    """Return one voice."""
    voice = VOICES.get(call.params["voice_id"])
    if voice is None:
        raise voice_not_found(call.params["voice_id"])
    return json_response(voice.describe(_preview_url(call, voice)))


def get_preview(call: Call) -> Response:
    """Return the file behind a `preview_url`; it needs no key."""
    voice = VOICES.get(call.params["voice_id"])
    if voice is None:
        raise refusal(404, "There is no such file.", code="file_not_found")
    espeak_voice = voice.espeak_voice(language=None, speed=1.0, stability=0.5)
    speech = synthesise(
        f"Hello, I am {voice.name}, an emulated voice.", voice=espeak_voice, output_format="mp3_44100_128"
    )
    return media_response(call, speech.audio, content_type=speech.content_type)
