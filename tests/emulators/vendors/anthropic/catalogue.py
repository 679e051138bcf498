"""Anthropic's model catalogue as of November 2026, and what each model refuses.

Ids and retirements: the `anthropic` package 2.12.0 (`types/model.py`, `DEPRECATED_MODELS`) and the vendor's model
deprecations page. Only limits that the vendor publishes are exact; the others are copied from the nearest model.
"""

import re
from dataclasses import dataclass
from typing import Any

_ID = re.compile(r"claude-(?P<line>[a-z]+)-(?P<major>\d)(?:-(?P<minor>\d))?(?:-\d{8})?")
_THINKING_KINDS = ("enabled", "adaptive", "disabled", "between_tools")


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the catalogue; its line and version determine what it accepts."""

    id: str
    max_tokens: int = 128_000
    max_input_tokens: int = 1_000_000
    created: str = "1970-01-01"  # the API's value for an unknown date
    deprecated: str | None = None
    retires: str | None = None
    retired: bool = False

    @property
    def line(self) -> str | None:
        """The part of the id before the version: `opus`, `sonnet`, `haiku` …"""
        found = _ID.fullmatch(self.id)
        return found["line"] if found else None

    @property
    def version(self) -> tuple[int, int]:
        """The version in the id, or (0, 0) for an id of the older form."""
        found = _ID.fullmatch(self.id)
        return (int(found["major"]), int(found["minor"] or 0)) if found else (0, 0)

    @property
    def has_fixed_sampling(self) -> bool:
        """Whether it refuses sampling parameters."""
        return self.version >= (4, 7)

    @property
    def takes_prefill(self) -> bool:
        """Whether a conversation may end with an assistant message."""
        return self.version <= (4, 5)

    @property
    def takes_forced_tools(self) -> bool:
        """Whether `tool_choice` may require a tool."""
        return (self.line, self.version) not in {
            ("fable", (5, 1)), ("fable", (5, 2)), ("mythos", (5, 1)), ("mythos", (5, 2)), ("opus", (5, 5)),
            ("sonnet", (5, 5)),
        }  # fmt: skip

    @property
    def min_cached_tokens(self) -> int:
        """The least tokens of a cached prefix; for Sonnet 5.5 and Haiku 5.5, those of their predecessors."""
        if self.version >= (5, 0):
            return 512 if self.line in {"opus", "fable", "mythos"} else 1024
        match self.line, self.version:
            case ("opus", (4, 5) | (4, 6)) | ("haiku", _):
                return 4096
            case "opus", (4, 7):
                return 2048
        return 1024

    def takes_thinking(self, kind: str) -> bool:
        """Return whether it accepts `thinking` of that type."""
        match kind:
            case "enabled":
                return self.version <= (4, 6)
            case "adaptive":
                return self.version >= (4, 6)
            case "disabled":
                return self.line not in {"fable", "mythos"} and (self.line, self.version) != ("opus", (5, 5))
            case _:
                return self.version >= (5, 0)

    def describe(self) -> dict[str, Any]:
        """Return the object of `GET /v1/models`."""
        supported = {"supported": True}
        levels = dict.fromkeys(("low", "medium", "high", "xhigh", "max"), supported)
        thinking = {kind: {"supported": self.takes_thinking(kind)} for kind in _THINKING_KINDS}
        return {
            "type": "model",
            "id": self.id,
            "display_name": re.sub(r"(?<=\d) (?=\d)", ".", re.sub(r"-\d{8}$", "", self.id).replace("-", " ").title()),
            "created_at": f"{self.created}T00:00:00Z",
            "lifecycle": "retired" if self.retired else "deprecated" if self.deprecated else "active",
            "deprecated_at": self.deprecated and f"{self.deprecated}T00:00:00Z",
            "retires_at": self.retires and f"{self.retires}T00:00:00Z",
            "line": self.line,
            "max_input_tokens": self.max_input_tokens,
            "max_tokens": self.max_tokens,
            "capabilities": {
                **dict.fromkeys(("batch", "citations", "code_execution", "image_input", "pdf_input"), supported),
                "structured_outputs": supported,
                "context_management": supported,
                "effort": {**supported, **levels},
                "server_tools": {**supported, "code_execution": supported, "web_search": supported},
                "thinking": {**supported, "types": thinking},
            },
        }


def _retired(model_id: str, on: str) -> Model:
    # The date of the announcement is not known, so both dates are that of the retirement.
    return Model(model_id, deprecated=on, retires=on, retired=True)


CATALOGUE = (
    Model("claude-fable-5-2"),
    Model("claude-mythos-5-2"),
    Model("claude-haiku-5-5"),
    Model("claude-sonnet-5-5"),
    Model("claude-opus-5-5"),
    Model("claude-fable-5-1"),
    Model("claude-mythos-5-1"),
    Model("claude-sonnet-5"),
    Model("claude-fable-5"),
    Model("claude-mythos-5"),
    Model("claude-opus-5"),
    Model("claude-opus-4-8"),
    Model("claude-opus-4-7"),
    Model("claude-sonnet-4-6", created="2026-02-17"),
    Model("claude-opus-4-6", created="2026-02-05"),
    Model("claude-opus-4-5-20251101", max_tokens=64_000, max_input_tokens=200_000, created="2025-11-24"),
    Model("claude-haiku-4-5-20251001", max_tokens=64_000, max_input_tokens=200_000, created="2025-10-15"),
    Model(
        "claude-sonnet-4-5-20250929",
        max_tokens=64_000,
        max_input_tokens=200_000,
        created="2025-09-29",
        deprecated="2026-09-30",  # an estimate: the vendor announces a retirement at least sixty days before
        retires="2026-11-30",
    ),
    _retired("claude-opus-4-1-20250805", "2026-08-05"),
    _retired("claude-mythos-preview", "2026-06-30"),
    _retired("claude-sonnet-4-20250514", "2026-06-15"),
    _retired("claude-opus-4-20250514", "2026-06-15"),
    _retired("claude-3-7-sonnet-20250219", "2026-02-19"),
    _retired("claude-3-5-haiku-20241022", "2026-02-19"),
    _retired("claude-3-haiku-20240307", "2026-04-20"),
    _retired("claude-3-opus-20240229", "2026-01-05"),
)
MODELS = {model.id: model for model in CATALOGUE}
# Up to 4.5 a model's id contains a date; the id without it is an alias, and the response names the dated one.
MODELS |= {model.id[:-9]: model for model in CATALOGUE if re.search(r"-4-5-\d{8}$", model.id)}
