"""ElevenLabs' voices over HTTP: `GET /v1/voices`, `/v2/voices`, `/v1/voices/{voice_id}` and the previews they name."""

from ...media import media_answer
from ...vendor import Answer, Call, json_answer
from .answers import refusal
from .catalogue import VOICES, CatalogueVoice
from .speech import synthesise


def _preview_url(call: Call, voice: CatalogueVoice) -> str:
    return f"http://{call.headers.get('host', '127.0.0.1')}/elevenlabs/_files/previews/{voice.id}.mp3"


def list_voices(call: Call) -> Answer:
    return json_answer({"voices": [voice.describe(_preview_url(call, voice)) for voice in VOICES.values()]})


def search_voices(call: Call) -> Answer:
    """`GET /v2/voices`: filtered, sorted and paged."""

    def asked(name: str) -> list[str]:
        return [value for value in call.query.get(name, []) if value]

    def one(name: str, default: str) -> str:
        return (asked(name) or [default])[-1]

    voices = [voice.describe(_preview_url(call, voice)) for voice in VOICES.values()]
    for name, label in (
        ("gender", "gender"),
        ("age", "age"),
        ("accent", "accent"),
        ("language", "language"),
        ("use_cases", "use_case"),
    ):
        if wanted := asked(name):
            voices = [voice for voice in voices if voice["labels"][label] in wanted]
    if wanted := asked("voice_ids"):
        voices = [voice for voice in voices if voice["voice_id"] in wanted]
    if category := one("category", ""):
        voices = [voice for voice in voices if voice["category"] == category]
    if voice_type := one("voice_type", ""):
        kinds = {"default": ["premade"], "community": ["professional"], "non-default": ["professional"]}
        kinds |= {"saved": ["professional"], "non-community": []}
        voices = [voice for voice in voices if voice["category"] in kinds.get(voice_type, [])]
    if needle := one("search", "").lower():
        voices = [
            voice
            for voice in voices
            if needle in " ".join([voice["name"], voice["description"], *voice["labels"].values()]).lower()
        ]
    if one("sort", "") == "name":
        voices.sort(key=lambda voice: voice["name"], reverse=one("sort_direction", "desc") == "desc")
    try:
        size = int(one("page_size", "10"))
    except ValueError:
        size = 0
    if not 1 <= size <= 100:
        raise refusal(400, "The page size must be between 1 and 100.", code="invalid_page_size", param="page_size")
    token = one("next_page_token", "0")
    if not token.isdecimal():
        raise refusal(400, "The page token is invalid.", code="invalid_cursor", param="next_page_token")
    start = int(token)
    more = start + size < len(voices)
    return json_answer(
        {
            "voices": voices[start : start + size],
            "has_more": more,
            "total_count": len(voices) if one("include_total_count", "true") == "true" else 0,
            "next_page_token": str(start + size) if more else None,
        }
    )


def get_voice(call: Call) -> Answer:
    voice = VOICES.get(call.params["voice_id"])
    if voice is None:
        message = f"A voice with the voice_id '{call.params['voice_id']}' was not found."
        raise refusal(404, message, code="voice_not_found", param="voice_id")
    return json_answer(voice.describe(_preview_url(call, voice)))


def get_preview(call: Call) -> Answer:
    """The file that `preview_url` names; no key is needed."""
    voice = VOICES.get(call.params["voice_id"])
    if voice is None:
        raise refusal(404, "There is no such file.", code="file_not_found")
    sound = voice.sound(language=None, speed=1.0, stability=0.5)
    speech = synthesise(f"Hello, I am {voice.name}, an emulated voice.", voice=sound, output_format="mp3_44100_128")
    return media_answer(call, speech.audio, content_type=speech.content_type)
