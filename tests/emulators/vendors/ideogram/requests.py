"""Requests of Ideogram: version 4, version 3 and the legacy endpoint.

Sources: https://developer.ideogram.ai (version 4), the OpenAPI document of June 2026 (version 3, legacy). The values of
a form are strings, so strings are also accepted for numbers. Unknown fields are ignored.
"""

import json
from math import log
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

_REFERENCE_BYTES = 10 * 1024 * 1024

_VALUES = json.loads(Path(__file__).with_name("values.json").read_text(encoding="utf-8"))
RESOLUTIONS_V4 = frozenset(_VALUES["resolutions_v4"])
RESOLUTIONS_V3 = frozenset(_VALUES["resolutions_v3"])
RESOLUTIONS_LEGACY = frozenset(_VALUES["resolutions_legacy"])
_STYLE_PRESETS = frozenset(_VALUES["style_presets"])

Prompt = Annotated[str, Field(pattern=r"\S")]
Seed = Annotated[int, Field(ge=0, le=2147483647)]
ImageCount = Annotated[int, Field(ge=1, le=8)]
MagicPrompt = Literal["AUTO", "ON", "OFF"]


class PaletteMember(BaseModel):
    """A colour of a palette."""

    color_hex: str = Field(pattern=r"^#(?:[0-9a-fA-F]{3}){1,2}$")
    color_weight: float | None = Field(default=None, ge=0.05, le=1)


class Palette(BaseModel):
    """A palette: the name of a preset, or up to eight colours."""

    name: Literal["EMBER", "FRESH", "JUNGLE", "MAGIC", "MELON", "MOSAIC", "PASTEL", "ULTRAMARINE"] | None = None
    members: list[PaletteMember] | None = Field(default=None, min_length=1, max_length=8)

    @model_validator(mode="after")
    def _check_choice(self) -> Self:
        if (self.name is None) == (self.members is None):
            raise ValueError("color_palette needs either name or members.")
        return self


class Generation(BaseModel):
    """The fields of both version 3 and the legacy endpoint."""

    prompt: Prompt
    seed: Seed | None = None
    num_images: ImageCount = 1


class RequestV3(Generation):
    """The body of `POST /v1/ideogram-v3/generate`."""

    resolution: str | None = None
    aspect_ratio: (
        Literal[
            "1x3",
            "3x1",
            "1x2",
            "2x1",
            "9x16",
            "16x9",
            "10x16",
            "16x10",
            "2x3",
            "3x2",
            "3x4",
            "4x3",
            "4x5",
            "5x4",
            "1x1",
        ]
        | None
    ) = None
    rendering_speed: Literal["FLASH", "TURBO", "BALANCED", "DEFAULT", "QUALITY"] = "DEFAULT"
    magic_prompt: MagicPrompt = "AUTO"
    negative_prompt: str | None = None
    style_type: Literal["AUTO", "GENERAL", "REALISTIC", "DESIGN", "CUSTOM", "FICTION", "STYLIZED"] | None = None
    style_preset: str | None = None
    style_codes: list[Annotated[str, Field(pattern=r"^[0-9a-fA-F]{8}$")]] | None = None
    color_palette: Palette | None = None
    custom_model_uri: str | None = None
    style_reference_images: list[bytes] = []
    character_reference_images: list[bytes] = Field(default=[], max_length=1)
    character_reference_images_mask: list[bytes] = []

    @field_validator("color_palette", mode="before")
    @classmethod
    def _parse_palette(cls, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        _check_resolution(self.resolution, self.aspect_ratio, known=RESOLUTIONS_V3)
        if self.style_preset is not None and self.style_preset not in _STYLE_PRESETS:
            raise ValueError(f"style_preset '{self.style_preset}' is not one of the presets.")
        if self.style_codes and (self.style_type or self.style_reference_images):
            raise ValueError("style_codes cannot be used with style_reference_images or style_type.")
        if len(self.character_reference_images_mask) not in {0, len(self.character_reference_images)}:
            raise ValueError("character_reference_images_mask must match the number of character_reference_images.")
        for images in (self.style_reference_images, self.character_reference_images):
            if sum(map(len, images)) > _REFERENCE_BYTES:
                raise ValueError("The reference images exceed the maximum total size of 10MB.")
        return self

    @property
    def resolution_name(self) -> str:
        """The resolution, given or nearest to the aspect ratio: `1280x800`."""
        return self.resolution or nearest_resolution(self.aspect_ratio or "1x1", RESOLUTIONS_V3)


class RequestV4(BaseModel):
    """The body of `POST /v1/ideogram-v4/generate`: a text prompt or a structured one."""

    text_prompt: Prompt | None = None
    json_prompt: dict[str, Any] | None = None
    resolution: str = "2048x2048"
    rendering_speed: Literal["DEFAULT", "TURBO", "QUALITY"] = "DEFAULT"
    enable_copyright_detection: bool = False

    @field_validator("json_prompt", mode="before")
    @classmethod
    def _parse_prompt(cls, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        if (self.text_prompt is None) == (self.json_prompt is None):
            raise ValueError("Exactly one of text_prompt and json_prompt is required.")
        _check_resolution(self.resolution, None, known=RESOLUTIONS_V4)
        return self

    @property
    def prompt(self) -> str:
        """The prompt as text."""
        return self.text_prompt or json.dumps(self.json_prompt, ensure_ascii=False)


class LegacyRequest(Generation):
    """The `image_request` of `POST /generate`."""

    model: Literal["V_1", "V_1_TURBO", "V_2", "V_2_TURBO", "V_2A", "V_2A_TURBO", "V_3", "AUTO"] = "V_2"
    aspect_ratio: (
        Annotated[str, Field(pattern=r"^ASPECT_(10_16|16_10|9_16|16_9|3_2|2_3|4_3|3_4|1_1|1_3|3_1)$")] | None
    ) = None
    resolution: Annotated[str, Field(pattern=r"^RESOLUTION_\d+_\d+$")] | None = None
    magic_prompt_option: MagicPrompt = "AUTO"
    style_type: (
        Literal["AUTO", "GENERAL", "FICTION", "REALISTIC", "DESIGN", "RENDER_3D", "ANIME", "CUSTOM", "STYLIZED"] | None
    ) = None
    negative_prompt: str | None = None
    color_palette: Palette | None = None

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        name = self.resolution and self.resolution.removeprefix("RESOLUTION_").replace("_", "x")
        _check_resolution(name, self.aspect_ratio, known=RESOLUTIONS_LEGACY)
        if self.resolution and not self.model.startswith("V_2"):
            raise ValueError("resolution is only supported for model version 2.0.")
        if self.style_type and self.model.startswith("V_1"):
            raise ValueError("style_type is not supported for V_1 models.")
        if self.negative_prompt and self.model.startswith("V_2A"):
            raise ValueError("negative_prompt is not supported for V_2A models.")
        return self

    @property
    def resolution_name(self) -> str:
        """The resolution, given or nearest to the aspect ratio: `1280x800`."""
        if self.resolution:
            return self.resolution.removeprefix("RESOLUTION_").replace("_", "x")
        ratio = (self.aspect_ratio or "ASPECT_1_1").removeprefix("ASPECT_").replace("_", "x")
        return nearest_resolution(ratio, RESOLUTIONS_LEGACY)


class LegacyEnvelope(BaseModel):
    """The body of `POST /generate`."""

    image_request: LegacyRequest


def parse_size(resolution: str) -> tuple[int, int]:
    """Return the width and height in `1280x800`."""
    width, height = resolution.split("x")
    return int(width), int(height)


def nearest_resolution(ratio: str, resolutions: frozenset[str]) -> str:
    """Return the resolution whose shape is nearest to a ratio such as `16x9`."""
    return min(sorted(resolutions), key=lambda name: abs(log(_ratio(name) / _ratio(ratio))))


def _ratio(name: str) -> float:
    width, height = parse_size(name)
    return width / height


def _check_resolution(resolution: str | None, aspect_ratio: str | None, *, known: frozenset[str]) -> None:
    if resolution is not None and aspect_ratio is not None:
        raise ValueError("resolution cannot be used in conjunction with aspect_ratio.")
    if resolution is not None and resolution not in known:
        raise ValueError(f"resolution '{resolution}' is not supported.")
