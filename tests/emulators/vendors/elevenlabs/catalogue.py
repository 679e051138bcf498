"""ElevenLabs' models, voices and plans of November 2026.

Sources: https://elevenlabs.io/docs/overview/models (limits, languages, concurrency), the vendor's published OpenAPI
(schemas), https://elevenlabs.io/docs/overview/capabilities/voices (default voices retire on 2026-12-31).
"""

from dataclasses import dataclass
from typing import Any

from ...speech import EspeakVoice

_ENGLISH = (("en", "English"),)
_V2_LANGUAGES = (
    *_ENGLISH,
    *(("ja", "Japanese"), ("zh", "Chinese"), ("de", "German"), ("hi", "Hindi"), ("fr", "French"), ("ko", "Korean")),
    *(("pt", "Portuguese"), ("it", "Italian"), ("es", "Spanish"), ("id", "Indonesian"), ("nl", "Dutch")),
    *(("tr", "Turkish"), ("fil", "Filipino"), ("pl", "Polish"), ("sv", "Swedish"), ("bg", "Bulgarian")),
    *(("ro", "Romanian"), ("ar", "Arabic"), ("cs", "Czech"), ("el", "Greek"), ("fi", "Finnish"), ("hr", "Croatian")),
    *(("ms", "Malay"), ("sk", "Slovak"), ("da", "Danish"), ("ta", "Tamil"), ("uk", "Ukrainian"), ("ru", "Russian")),
)
_V2_5_LANGUAGES = (*_V2_LANGUAGES, ("hu", "Hungarian"), ("no", "Norwegian"), ("vi", "Vietnamese"))

FORMATS = frozenset(
    {
        "mp3_22050_32",
        "mp3_24000_48",
        *(f"mp3_44100_{kbit}" for kbit in (32, 64, 96, 128, 192)),
        *(f"{codec}_{rate}" for codec in ("pcm", "wav") for rate in (8000, 16000, 22050, 24000, 32000, 44100, 48000)),
        "ulaw_8000",
        "alaw_8000",
        *(f"opus_48000_{kbit}" for kbit in (32, 64, 96, 128, 192)),
    }
)

# eSpeak NG's codes for languages where they differ; it has no Filipino.
_ESPEAK_LANGUAGES = {"zh": "cmn", "no": "nb", "fil": "id"}


@dataclass(frozen=True, slots=True)
class Model:
    """A text-to-speech model; `cost` is in credits per character."""

    id: str
    name: str
    max_characters: int
    cost: float = 1.0
    languages: tuple[tuple[str, str], ...] = _V2_5_LANGUAGES
    group: str = "standard"
    uses_language_code: bool = True
    accepts_request_ids: bool = True

    def describe(self) -> dict[str, Any]:
        """Return the object of `GET /v1/models`."""
        return {
            "model_id": self.id,
            "name": self.name,
            "can_be_finetuned": self.group == "standard",
            "can_do_text_to_speech": True,
            "can_do_voice_conversion": False,
            "can_use_style": self.group == "standard",
            "can_use_speaker_boost": self.group == "standard",
            "serves_pro_voices": False,
            "token_cost_factor": self.cost,
            "description": f"{self.name}, emulated with eSpeak NG.",
            "requires_alpha_access": False,
            "max_characters_request_free_user": min(2500, self.max_characters),
            "max_characters_request_subscribed_user": self.max_characters,
            "maximum_text_length_per_request": self.max_characters,
            "languages": [{"language_id": code, "name": name} for code, name in self.languages],
            "model_rates": {"character_cost_multiplier": self.cost, "cost_discount_multiplier": 1.0},
            "concurrency_group": f"{self.group}_{self.id}" if self.group == "standard" else self.group,
        }


MODELS = {
    model.id: model
    for model in (
        Model("eleven_v4", "Eleven v4", 10_000, accepts_request_ids=False),
        Model("eleven_v4_turbo", "Eleven v4 Turbo", 10_000, cost=0.5, group="turbo", accepts_request_ids=False),
        Model("eleven_v3", "Eleven v3", 5_000, accepts_request_ids=False),
        Model(
            "eleven_multilingual_v2",
            "Eleven Multilingual v2",
            10_000,
            languages=_V2_LANGUAGES,
            uses_language_code=False,
        ),
        Model("eleven_flash_v2_5", "Eleven Flash v2.5", 40_000, cost=0.5, group="turbo"),
        Model("eleven_turbo_v2_5", "Eleven Turbo v2.5", 40_000, cost=0.5, group="turbo"),
        Model("eleven_flash_v2", "Eleven Flash v2", 30_000, cost=0.5, languages=_ENGLISH, group="turbo"),
        Model("eleven_turbo_v2", "Eleven Turbo v2", 30_000, cost=0.5, languages=_ENGLISH, group="turbo"),
        Model("eleven_multilingual_v1", "Eleven Multilingual v1", 10_000, languages=_V2_LANGUAGES),
        Model("eleven_monolingual_v1", "Eleven English v1", 10_000, languages=_ENGLISH),
    )
}


@dataclass(frozen=True, slots=True)
class CatalogueVoice:
    """A voice as ElevenLabs lists it, with the eSpeak NG variant and pitch that emulate it."""

    id: str
    name: str
    gender: str
    age: str
    accent: str
    use_case: str
    variant: str
    pitch: int
    in_library: bool = False

    def describe(self, preview_url: str) -> dict[str, Any]:
        """Return the object of `GET /v1/voices`."""
        language = {
            "language": "en",
            "accent": self.accent,
            "locale": "en-US" if self.accent == "american" else "en-GB",
            "preview_url": preview_url,
        }
        return {
            "voice_id": self.id,
            "name": self.name,
            "samples": None,
            "category": "professional" if self.in_library else "premade",
            "fine_tuning": {"is_allowed_to_fine_tune": False, "state": {}, "verification_attempts_count": 0},
            "labels": {
                "accent": self.accent,
                "age": self.age,
                "gender": self.gender,
                "language": "en",
                "use_case": self.use_case,
            },
            "description": f"Emulated with the variant {self.variant} of eSpeak NG.",
            "preview_url": preview_url,
            "available_for_tiers": [],
            "settings": None,
            "sharing": None,
            "high_quality_base_model_ids": list(MODELS),
            "verified_languages": [{**language, "model_id": model} for model in MODELS],
            "collection_ids": [],
            "safety_control": None,
            "voice_verification": None,
            "permission_on_resource": None,
            "is_owner": False,
            "is_legacy": False,
            "is_mixed": False,
            "favorited_at_unix": None,
            "created_at_unix": None,
        }

    def espeak_voice(self, *, language: str | None, speed: float, stability: float) -> EspeakVoice:
        """Return the eSpeak NG voice: the less stable the voice, the wider the range of its pitch."""
        code = language or "en"
        if code == "en":
            code = "en-us" if self.accent == "american" else "en"
        return EspeakVoice(
            name=f"{_ESPEAK_LANGUAGES.get(code, code)}+{self.variant}",
            rate=round(165 * speed),
            pitch=self.pitch,
            pitch_range=round(80 - 60 * stability),
        )


VOICES = {
    voice.id: voice
    for voice in (
        CatalogueVoice(
            "JBFqnCBsd6RMkjVDRZzb", "George", "male", "middle_aged", "british", "narrative_story", "m3", pitch=40
        ),
        CatalogueVoice(
            "EXAVITQu4vr4xnSDxMaL", "Sarah", "female", "young", "american", "entertainment_tv", "f2", pitch=50
        ),
        CatalogueVoice(
            "CwhRBWXzGAHq8TQ4Fs17", "Roger", "male", "middle_aged", "american", "conversational", "m1", pitch=42
        ),
        CatalogueVoice("FGY2WhTYpPnrIDTdsKH5", "Laura", "female", "young", "american", "social_media", "f5", pitch=58),
        CatalogueVoice(
            "Xb7hH8MSUJpSbSDYk0k2",
            "Alice",
            "female",
            "middle_aged",
            "british",
            "informative_educational",
            "f3",
            pitch=46,
        ),
        CatalogueVoice(
            "XrExE9yKIg1WjnnlVkGX",
            "Matilda",
            "female",
            "middle_aged",
            "american",
            "informative_educational",
            "f1",
            pitch=44,
        ),
        CatalogueVoice("bIHbv24MWmeRgasZH58o", "Will", "male", "young", "american", "conversational", "m6", pitch=48),
        CatalogueVoice(
            "cgSgspJ2msm6clMCkdW9", "Jessica", "female", "young", "american", "conversational", "f4", pitch=62
        ),
        CatalogueVoice(
            "nPczCjzI2devNBz1zQrb", "Brian", "male", "middle_aged", "american", "social_media", "m7", pitch=30
        ),
        CatalogueVoice(
            "onwK4e9ZLuTAKqWW03F9",
            "Daniel",
            "male",
            "middle_aged",
            "british",
            "informative_educational",
            "m5",
            pitch=38,
        ),
        CatalogueVoice("TX3LPaxmHKxFdv7VOQHJ", "Liam", "male", "young", "american", "social_media", "m4", pitch=52),
        CatalogueVoice(
            "21m00Tcm4TlvDq8ikWAM",
            "Rachel",
            "female",
            "young",
            "american",
            "narrative_story",
            "f2",
            pitch=45,
            in_library=True,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Plan:
    """A subscription: credits per month, and concurrent requests by the model's concurrency group."""

    tier: str
    credits: int
    concurrency: dict[str, int]
    formats: frozenset[str] = frozenset()

    def allows(self, output_format: str) -> bool:
        """Return whether the plan includes the format: 192 kbit MP3 needs Creator, PCM and WAV at 44.1 kHz need Pro."""
        return output_format not in _PRO_FORMATS or output_format in self.formats


_CREATOR_FORMATS = frozenset({"mp3_44100_192"})
_PRO_FORMATS = _CREATOR_FORMATS | {"pcm_44100", "wav_44100"}
BUSINESS = Plan("business", 11_000_000, {"standard": 15, "turbo": 30}, _PRO_FORMATS)
# Plans by the prefix of the key.
PLANS = {
    "free": Plan("free", 10_000, {"standard": 2, "turbo": 4}),
    "starter": Plan("starter", 30_000, {"standard": 3, "turbo": 6}),
    "creator": Plan("creator", 100_000, {"standard": 5, "turbo": 10}, _CREATOR_FORMATS),
    "pro": Plan("pro", 500_000, {"standard": 10, "turbo": 20}, _PRO_FORMATS),
    "broke": Plan("creator", 0, {"standard": 5, "turbo": 10}, _CREATOR_FORMATS),
}
