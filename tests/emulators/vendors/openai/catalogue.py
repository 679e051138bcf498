"""OpenAI's chat models as of November 2026, and what each model refuses.

Ids and shutdown dates: the `openai` package 3.54.0 (`types/shared/chat_model.py`) and
https://developers.openai.com/api/docs/deprecations. Context and output limits of the newest models are copied from
the nearest documented model.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

_ID = re.compile(r"gpt-(?P<major>\d)(?:\.(?P<minor>\d))?(?P<omni>o)?")
_DATE = re.compile(r"-(\d{4}-\d{2}-\d{2})$")
_UNKNOWN_DATE = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the catalogue; its version determines what it accepts."""

    id: str
    shutdown: str | None = None
    context: int = 400_000
    max_output: int = 128_000

    @property
    def version(self) -> tuple[int, int]:
        """The version of a GPT model, or (0, 0)."""
        found = _ID.match(self.id)
        return (int(found["major"]), int(found["minor"] or 0)) if found else (0, 0)

    @property
    def reasons(self) -> bool:
        """Whether it is of the o-series or from gpt-5 on, which refuse `max_tokens` and restrict sampling."""
        return re.match(r"o\d", self.id) is not None or self.version >= (5, 0)

    @property
    def temperature(self) -> Literal["any", "without_reasoning", "default"]:
        """Which temperatures it accepts: any, any but only with effort `none`, or only 1."""
        if not self.reasons:
            return "any"
        return "default" if self.version == (5, 6) or self.version > (6, 0) else "without_reasoning"

    @property
    def has_fixed_sampling(self) -> bool:
        """Whether it also refuses `top_p` and the penalties."""
        return self.version >= (6, 2)

    @property
    def efforts(self) -> tuple[str, ...]:
        """The values of `reasoning_effort` that it accepts."""
        known = ("low", "medium", "high", "xhigh")
        return known if self.version >= (6, 2) else ("none", "minimal", *known, "max")

    def describe(self, model_id: str) -> dict[str, Any]:
        """Return the object of `GET /v1/models`, which lists an alias like a model."""
        date = _DATE.search(self.id)
        created = int(datetime.fromisoformat(f"{date[1]}T00:00:00+00:00").timestamp()) if date else _UNKNOWN_DATE
        return {
            "id": model_id,
            "object": "model",
            "created": created,
            "owned_by": "system",
            "shutdown_date": self.shutdown,
        }


CATALOGUE = (
    Model("gpt-6.2-astra"),
    Model("gpt-6.2-sol"),
    Model("gpt-6.1-sol"),
    Model("gpt-6.1-terra"),
    Model("gpt-6-astra"),
    Model("gpt-6-sol"),
    Model("gpt-6-luna"),
    Model("gpt-5.6-sol"),
    Model("gpt-5.6-terra"),
    Model("gpt-5.6-luna"),
    Model("gpt-5.5-2026-04-23"),
    Model("gpt-5.4"),
    Model("gpt-5.4-mini-2026-03-17"),
    Model("gpt-5.4-nano-2026-03-17", shutdown="2027-04-01"),
    Model("gpt-5.2-2025-12-11"),
    Model("gpt-5.1-2025-11-13", shutdown="2027-04-01"),
    Model("gpt-5-2025-08-07", shutdown="2026-12-11"),
    Model("gpt-5-mini-2025-08-07", shutdown="2026-12-11"),
    Model("gpt-5-nano-2025-08-07", shutdown="2026-12-11"),
    Model("o3-2025-04-16", shutdown="2026-12-11", context=200_000, max_output=100_000),
    Model("gpt-4.1-2025-04-14", shutdown="2027-01-14", context=1_047_576, max_output=32_768),
    Model("gpt-4.1-mini-2025-04-14", shutdown="2027-01-14", context=1_047_576, max_output=32_768),
    Model("gpt-4o-2024-08-06", shutdown="2027-01-14", context=128_000, max_output=16_384),
    Model("gpt-4o-2024-11-20", shutdown="2027-01-14", context=128_000, max_output=16_384),
    Model("gpt-4o-mini-2024-07-18", shutdown="2027-01-14", context=128_000, max_output=16_384),
)

# An alias means the first snapshot of its name; the response names the snapshot.
MODELS = {_DATE.sub("", model.id): model for model in reversed(CATALOGUE)} | {model.id: model for model in CATALOGUE}

# Models for other purposes than texts.
EMBEDDING_MODELS = ("text-embedding-3-small", "text-embedding-3-large", "text-embedding-ada-002")
SPEECH_MODELS = ("gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "tts-1", "tts-1-hd")
IMAGE_MODELS = (
    "gpt-image-2.6-sunburst",
    "gpt-image-2.6-flare",
    "gpt-image-2.5-sunburst",
    "gpt-image-2.5-sunburst-2026-09-08",
    "gpt-image-2.5-flare",
    "gpt-image-2.5-flare-2026-09-08",
    "gpt-image-2",
    "gpt-image-2-2026-04-21",
    # These shut down on 1 December 2026.
    "gpt-image-1.5",
    "gpt-image-1-mini",
    "chatgpt-image-latest",
)
OTHER_MODELS = {model_id: Model(model_id) for model_id in (*EMBEDDING_MODELS, *SPEECH_MODELS, *IMAGE_MODELS)}

SHUT_DOWN = frozenset(
    {
        "chatgpt-4o-latest",
        "gpt-3.5-turbo",
        "gpt-3.5-turbo-0125",
        "gpt-4",
        "gpt-4-0613",
        "gpt-4-turbo",
        "gpt-4-turbo-2024-04-09",
        "gpt-4.1-nano",
        "gpt-4.1-nano-2025-04-14",
        "gpt-4o-2024-05-13",
        "gpt-5-chat-latest",
        "gpt-5.1-chat-latest",
        "gpt-5.2-chat-latest",
        "gpt-5.3-chat-latest",
        "o1",
        "o1-2024-12-17",
        "o1-mini",
        "o1-preview",
        "o1-pro",
        "o3-mini",
        "o3-mini-2025-01-31",
        "o4-mini",
        "o4-mini-2025-04-16",
    }
)
