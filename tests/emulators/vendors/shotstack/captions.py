"""Captions from a subtitle file (SubRip or WebVTT), as one text clip per cue. The emulator does not transcribe."""

import re
from collections.abc import Mapping
from typing import Any

from .timeline import Scheduled

CAPTION_ASSETS = frozenset({"caption", "rich-caption"})

_TIME = r"(?:(\d+):)?(\d+):(\d+)[.,](\d+)"
_CUE = re.compile(rf"{_TIME}\s+-->\s+{_TIME}[^\n]*\n(.*?)(?:\n\s*\n|\Z)", re.DOTALL)
_PLACEMENT = {"position": "bottom", "offset": {"y": 0.08}}
# Parts of the shorter side of the picture, and of its width.
_SIZE = 0.058
_MIN_PIXELS = 14
_WIDTH = 0.84


def split_cues(scheduled: Scheduled, subtitles: str, viewport: tuple[int, int]) -> list[Scheduled]:
    """Return a text clip for each cue within the clip's time."""
    asset = scheduled.clip["asset"]
    trim, speed = float(asset.get("trim", 0)), float(asset.get("speed") or 1)
    clips = []
    for cue in _CUE.finditer(subtitles.replace("\r\n", "\n")):
        start = max(scheduled.start, scheduled.start + (_seconds(*cue.groups()[:4]) - trim) / speed)
        end = min(scheduled.end, scheduled.start + (_seconds(*cue.groups()[4:8]) - trim) / speed)
        if start < end:
            text = re.sub(r"<[^>]*>", "", cue[9]).strip()
            clips.append(Scheduled(_text_clip(scheduled.clip, text, viewport), start, end - start))
    return clips


def _text_clip(clip: Mapping[str, Any], text: str, viewport: tuple[int, int]) -> dict[str, Any]:
    """Return the text clip of a cue; without an outline or a background of its own it has a dark outline."""
    asset = clip["asset"]
    pixels = max(_MIN_PIXELS, round(min(viewport) * _SIZE))
    font = {"color": "#ffffff", "size": pixels, "weight": 600, **asset.get("font", {})}
    background = asset.get("background", {})
    is_plain = not background.get("color") and "stroke" not in asset and "strokeWidth" not in font
    outline = max(1, font["size"] // 14) if is_plain else 0
    # A caption has its outline in the font, a rich caption next to it.
    stroke = asset.get("stroke", {"width": font.get("strokeWidth", outline), "color": font.get("stroke", "#000000")})
    shadow = font["size"] // 8 if is_plain else 0
    style = {"font": font, "stroke": stroke, "background": background, "shadow": shadow}
    style["room"] = round(viewport[0] * _WIDTH)
    placement = {name: clip[name] for name in ("position", "offset", "opacity") if name in clip}
    return {**_PLACEMENT, **placement, "asset": {"type": "text", "text": text, **style}}


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(f"{seconds}.{fraction}")
