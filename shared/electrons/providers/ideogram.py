"""Ideogram's image generation: version 3 and version 4.

Wire format: https://developer.ideogram.ai/api-reference (2026-11). Responses have links that end after a day. Errors
are `{"error": "..."}`; a prompt that fails the safety check is a 422, an image that does is a 200 without a link.
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from electrons.capabilities.images import (
    GeneratedImage,
    ImageCall,
    ImageProvider,
    fit_shape,
    leave_out,
    left_out_warning,
    quality_level,
    write_ratio,
    write_size,
)
from electrons.errors import ProviderError, RequestError
from electrons.http import HeaderPairs
from electrons.upstream.errors import classify_error, parse_json_error, parse_retry_after
from electrons.upstream.provider import ProviderRequest
from electrons.upstream.reading import Reader, as_integer, as_object, as_string

# Version 3's aspect ratios in portrait; each exists in landscape as well.
_SHAPES_V3 = ((1, 1), (1, 2), (1, 3), (2, 3), (3, 4), (4, 5), (9, 16), (10, 16))
_RATIOS_V3 = {
    Fraction(width, height): f"{width}x{height}" for shape in _SHAPES_V3 for width, height in (shape, shape[::-1])
}

# Version 3's resolutions, by the long edge; each exists in both directions.
_EDGES_V3 = {
    960: (832, 896),
    1024: (832, 896, 960, 1024),
    1088: (768, 832, 896, 960),
    1120: (896,),
    1152: (704, 832, 864, 896),
    1216: (704, 768, 832),
    1248: (832,),
    1280: (704, 768, 800),
    1312: (736,),
    1344: (640, 704, 768),
    1408: (576, 640, 704),
    1472: (576, 640, 704),
    1536: (512, 576, 640),
}
_SIZES_V3 = {size for long, shorts in _EDGES_V3.items() for short in shorts for size in ((long, short), (short, long))}

# By shape; no two have the same
_SIZES_V4 = {
    Fraction(*size): size
    for size in (
        *((2048, 2048), (1440, 2880), (2880, 1440), (1664, 2496), (2496, 1664), (1792, 2240), (2240, 1792)),
        *((1440, 2560), (2560, 1440), (1600, 2560), (2560, 1600), (1728, 2304), (2304, 1728), (1296, 3168)),
        *((3168, 1296), (1152, 2944), (2944, 1152), (1248, 3328), (3328, 1248), (1280, 3072), (3072, 1280)),
    )
}

_STYLE_TYPES = {"AUTO", "GENERAL", "REALISTIC", "DESIGN", "FICTION"}
_OLDER_SPELLING = re.compile(r"^v-(?=\d)")

# Words of older clients: version 3 has no such style, or has it under another name.
_FORMER_STYLES: dict[str, str | None] = {"ARTISTIC": "GENERAL", "ANIME": None, "3D": None, "RENDER_3D": None}

_LARGEST_SEED = 2**32 - 1

_SPEEDS_V3 = frozenset({"FLASH", "TURBO", "DEFAULT", "QUALITY"})
_SPEEDS = {"flash": "FLASH", "low": "TURBO", "medium": "DEFAULT", "auto": "DEFAULT", "high": "QUALITY"}


class IdeogramProvider(ImageProvider):
    """Ideogram. Version 3 takes every option; version 4 makes one image, of a size and with a quality."""

    name = "ideogram"
    title = "Ideogram"
    base_url = "https://api.ideogram.ai"
    file_hosts = frozenset({"ideogram.ai"})
    model_prefixes = ("ideogram",)
    # Only Ideogram's legacy endpoint has these; version 3 takes all their options.
    retired_models = MappingProxyType(dict.fromkeys(("v1", "v1-turbo", "v2", "v2-turbo", "v2a", "v2a-turbo"), "v3"))

    def find_model(self, name: str) -> str:
        """Return the version; `ideogram-v2` and `V_2` are older spellings of `v2`."""
        version = name.lower().replace("_", "-").removeprefix(self.name).removeprefix("-")
        return super().find_model(_OLDER_SPELLING.sub("v", version) or "v3")

    def build_headers(self, api_key: str, request_id: str) -> HeaderPairs:
        """Return the key in a header of its own; Ideogram takes no request id."""
        return [("Api-Key", api_key)]

    def fit_images(self, call: ImageCall) -> tuple[ImageCall, list[str]]:
        """Return the call with the version's own sizes: its resolution, else the aspect ratio of the same shape."""
        title = f"{self.title} {call.model}"
        if call.model == "v3":
            return _fit_v3(call, title=title)
        if call.model == "v4":
            return _fit_v4(call, title=title)
        message = f"Ideogram has no model `{call.model}` here; use `ideogram:v3` or `ideogram:v4`"
        raise RequestError.for_field("model", message)

    def build_images(self, call: ImageCall) -> ProviderRequest:
        """Build `POST /v1/ideogram-{version}/generate`, a form."""
        prompt = "prompt" if call.model == "v3" else "text_prompt"
        fields: dict[str, str | None] = {
            prompt: call.prompt,
            "num_images": str(call.num_images) if call.num_images > 1 else None,
            "aspect_ratio": _RATIOS_V3[call.aspect_ratio] if call.aspect_ratio is not None else None,
            "resolution": write_size(call.resolution) if call.resolution is not None else None,
            "rendering_speed": call.quality,
            "seed": str(call.seed) if call.seed is not None else None,
            "negative_prompt": call.negative_prompt,
        }
        if call.style is not None:
            fields["style_type" if call.style in _STYLE_TYPES else "style_preset"] = call.style
        given = {name: value for name, value in fields.items() if value is not None}
        return ProviderRequest.form(f"/v1/ideogram-{call.model}/generate", given, headers=[], repeatable=False)

    def parse_images(self, document: dict[str, Any]) -> list[GeneratedImage]:
        """Parse `{"data": [{"url", "prompt", "seed", "is_image_safe", ...}]}`; an unsafe image has no link."""
        return [_parse_image(as_object(item)) for item in Reader(document).array("data")]

    def parse_error(self, status: int, headers: dict[str, str], content: bytes) -> ProviderError:
        """Parse `{"error": "..."}`; the bodies of 400, 401 and 429 are not documented."""
        body = parse_json_error(content)
        message = as_string(body.get("error")) or as_string(body.get("message")) or as_string(body.get("detail"))
        return classify_error(
            message,
            provider=self,
            status=status,
            request_id=headers.get("x-request-id"),
            retry_after=parse_retry_after(headers),
        )


def _parse_image(item: dict[str, Any]) -> GeneratedImage:
    """Return the image. Only its link is needed; a seed is for making it again."""
    url, prompt = as_string(item.get("url")), as_string(item.get("prompt"), limit=None)
    seed = as_integer(item.get("seed"), limit=_LARGEST_SEED)
    if item.get("is_image_safe") is False:
        return GeneratedImage(seed=seed, prompt=prompt)
    return GeneratedImage(url=url, seed=seed, prompt=prompt, is_unreadable=url is None)


def _fit_v3(call: ImageCall, *, title: str) -> tuple[ImageCall, list[str]]:
    call, warnings = fit_shape(call, takes=_SIZES_V3.__contains__, title=title)
    if call.aspect_ratio is not None and call.aspect_ratio not in _RATIOS_V3:
        warnings.append(left_out_warning(title, f"aspect_ratio {write_ratio(call.aspect_ratio)}"))
        call = replace(call, aspect_ratio=None)
    if call.style is not None:
        style = call.style.strip().upper().replace(" ", "_")
        fitting = _FORMER_STYLES.get(style, style)
        if fitting is None:
            warnings.append(left_out_warning(title, f"style {style}"))
        call = replace(call, style=fitting)
    return _fit_quality(call, warnings, speeds=_SPEEDS_V3, title=title)


def _fit_v4(call: ImageCall, *, title: str) -> tuple[ImageCall, list[str]]:
    call, warnings = leave_out(call, "num_images", "style", "seed", "negative_prompt", title=title)
    call, about_shape = fit_shape(call, takes=set(_SIZES_V4.values()).__contains__, title=title)
    warnings += about_shape
    if call.aspect_ratio is not None:
        size = _SIZES_V4.get(call.aspect_ratio)
        if size is None:
            warnings.append(left_out_warning(title, f"aspect_ratio {write_ratio(call.aspect_ratio)}"))
        call = replace(call, resolution=size, aspect_ratio=None)
    return _fit_quality(call, warnings, speeds=_SPEEDS_V3 - {"FLASH"}, title=title)


def _fit_quality(
    call: ImageCall, warnings: list[str], *, speeds: frozenset[str], title: str
) -> tuple[ImageCall, list[str]]:
    """Return the call with a rendering speed, which is how Ideogram sells quality."""
    speed = _SPEEDS.get(quality_level(call.quality)) if call.quality is not None else None
    if call.quality is not None and speed not in speeds:
        return replace(call, quality=None), [*warnings, left_out_warning(title, f"quality {call.quality}")]
    return replace(call, quality=speed), warnings
