"""Titles, texts and HTML, drawn as pictures with transparent backgrounds.

Every typeface is Source Sans Pro, every title style one of its weights; characters that it lacks are left out. Of HTML
only the text has an effect, and of CSS only `color`, `font-size` and `text-align`. Titles without a background have a
soft shadow, which keeps them readable over a video.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any, Literal

from PIL import Image, ImageColor, ImageDraw, ImageFilter

from ...lettering import balance, load_font, measure, printable, wrap
from .timeline import TimelineError

TEXT_ASSETS = frozenset({"title", "text", "rich-text", "html"})
_Align = Literal["left", "center", "right"]

# Font sizes as fractions of the picture's height.
_TITLE_SIZES = {
    "xx-small": 0.03,
    "x-small": 0.045,
    "small": 0.06,
    "medium": 0.08,
    "large": 0.11,
    "x-large": 0.15,
    "xx-large": 0.2,
}
_TITLE_WIDTH = 0.86
_MIN_PIXELS = 8
_SHADOW_ALPHA = 170
_TITLE_WEIGHTS = {"skinny": "Light", "chunkLight": "Light", "chunk": "Black", "blockbuster": "Black", "marker": "Bold"}
_WORD_WEIGHTS = {"light": 300, "normal": 400, "regular": 400, "semibold": 600, "bold": 700, "black": 900}
_BLOCKS = {"p", "div", "h1", "h2", "h3", "h4", "li", "br", "tr"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lettering:
    """Text with its style; without a box, the picture is as large as the text.

    `room` is the width in which lines break, and `shadow` the reach of a soft dark edge, in pixels.
    """

    text: str
    pixels: int
    weight: str = "Semibold"
    colour: str = "#ffffff"
    opacity: float = 1
    horizontal: _Align = "center"
    vertical: str = "center"
    box: tuple[int, int] | None = None
    background: str | None = None
    background_opacity: float = 1
    padding: int = 0
    stroke: int = 0
    stroke_colour: str = "#000000"
    line_height: float = 1
    room: int | None = None
    shadow: int = 0
    balanced: bool = False


def draw_text(clip: Mapping[str, Any], viewport: tuple[int, int]) -> Image.Image:
    """Draw the text asset of a clip. Raises `TimelineError` for an invalid colour or weight."""
    asset = clip["asset"]
    try:
        match asset["type"]:
            case "title":
                lettering = _title(asset, viewport)
            case "html":
                lettering = _html(asset, viewport)
            case _:
                lettering = _text(clip, viewport)
        return _draw(lettering, room=lettering.room or viewport[0])
    except ValueError as error:
        raise TimelineError(str(error)) from error


def _title(asset: Mapping[str, Any], viewport: tuple[int, int]) -> _Lettering:
    """Return the lettering of a title, smaller than asked for where a word would not fit into the picture."""
    weight = _TITLE_WEIGHTS.get(asset.get("style", ""), "Semibold")
    room = round(viewport[0] * _TITLE_WIDTH)
    pixels = round(_TITLE_SIZES[asset.get("size", "medium")] * viewport[1])
    words = printable(asset["text"]).split() or [""]
    while pixels > _MIN_PIXELS and max(load_font(pixels, weight=weight).getlength(word) for word in words) > room:
        pixels = pixels * 9 // 10
    background = _none_if_transparent(asset.get("background"))
    return _Lettering(
        text=asset["text"],
        pixels=pixels,
        weight=weight,
        colour=asset.get("color", "#ffffff"),
        background=background,
        padding=viewport[1] // 72,
        room=room,
        shadow=0 if background else max(2, pixels // 9),
        balanced=True,
        line_height=1.08,
    )


def _text(clip: Mapping[str, Any], viewport: tuple[int, int]) -> _Lettering:
    """Return the lettering of a `text` or `rich-text` asset; the latter fills the clip's box."""
    asset = clip["asset"]
    font, background, stroke = asset.get("font", {}), asset.get("background", {}), asset.get("stroke", {})
    rich = asset["type"] == "rich-text"
    align = asset.get("align" if rich else "alignment", {})
    width = asset.get("width") or clip.get("width")
    height = asset.get("height") or clip.get("height")
    box = (round(width or viewport[0]), round(height or viewport[1])) if rich or (width and height) else None
    padding = asset.get("padding", background.get("padding", 0))
    return _Lettering(
        text=asset["text"],
        pixels=font.get("size", 32),
        weight=_weight(font.get("weight", 400)),
        colour=font.get("color", "#000000" if rich else "#ffffff"),
        opacity=font.get("opacity", 1),
        horizontal=align.get("horizontal", "center"),
        vertical=align.get("vertical", "center"),
        box=box,
        background=_none_if_transparent(background.get("color")),
        background_opacity=background.get("opacity", 1),
        padding=round(max(padding.values(), default=0) if isinstance(padding, dict) else padding),
        stroke=round(stroke.get("width", 0)),
        stroke_colour=stroke.get("color", "#000000"),
        line_height=font.get("lineHeight", asset.get("style", {}).get("lineHeight", 1)),
        # These two come from captions, not from the API.
        room=asset.get("room"),
        shadow=asset.get("shadow", 0),
        balanced="room" in asset,
    )


def _html(asset: Mapping[str, Any], viewport: tuple[int, int]) -> _Lettering:
    css = asset.get("css", "") + asset["html"]
    pixels = re.search(r"font-size:\s*(\d+)px", css)
    colour = re.search(r"(?<![-\w])color:\s*([^;\"'}]+)", css)
    align = re.search(r"text-align:\s*(left|center|right)", css)
    horizontal: Any = align[1] if align else "left"
    return _Lettering(
        text=_extract_text(asset["html"]),
        pixels=int(pixels[1]) if pixels else 16,
        weight="Regular",
        colour=colour[1].strip() if colour else "#000000",
        horizontal=horizontal,
        vertical="top",
        box=(asset.get("width", viewport[0]), asset.get("height", viewport[1])),
        background=_none_if_transparent(asset.get("background")),
    )


def _draw(lettering: _Lettering, *, room: int) -> Image.Image:
    font = load_font(lettering.pixels, weight=lettering.weight)
    inset = lettering.padding + lettering.stroke + lettering.shadow
    width = (lettering.box[0] if lettering.box else room) - 2 * inset
    text = (balance if lettering.balanced else wrap)(printable(lettering.text), font, width)
    spacing = 4 + (lettering.line_height - 1) * lettering.pixels
    text_width, text_height = measure(text, font, spacing=spacing)
    size = lettering.box or (text_width + 2 * inset, text_height + 2 * inset)
    image = Image.new("RGBA", (max(2, size[0]), max(2, size[1])), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    if lettering.background:
        fill = _colour(lettering.background, lettering.background_opacity)
        draw.rectangle((0, 0, *image.size), fill=fill)
    anchors = {"left": (inset, "l"), "center": (image.width / 2, "m"), "right": (image.width - inset, "r")}
    x, anchor = anchors[lettering.horizontal]
    unused = image.height - text_height - 2 * inset
    y = inset + {"top": 0, "bottom": unused}.get(lettering.vertical, unused / 2)
    # The anchor `a` is the first line's ascender, but the measured height starts at the top of its letters.
    letters_top = draw.multiline_textbbox((0, 0), text, font=font, spacing=spacing, anchor="la")[1]
    where: dict[str, Any] = {
        "xy": (x, y - letters_top),
        "text": text,
        "font": font,
        "anchor": f"{anchor}a",
        "align": lettering.horizontal,
        "spacing": spacing,
    }
    if lettering.shadow:
        image.alpha_composite(_shadow(image.size, where, lettering.shadow + lettering.stroke))
    draw.multiline_text(
        **where,
        fill=_colour(lettering.colour, lettering.opacity),
        stroke_width=lettering.stroke,
        stroke_fill=_colour(lettering.stroke_colour, lettering.opacity),
    )
    return image


def _shadow(size: tuple[int, int], where: dict[str, Any], reach: int) -> Image.Image:
    """Return the text as a soft dark cloud."""
    dark = Image.new("L", size, 0)
    ImageDraw.Draw(dark).multiline_text(**where, fill=255, stroke_width=max(1, reach // 3), stroke_fill=255)
    soft = dark.filter(ImageFilter.GaussianBlur(reach / 2)).point([min(_SHADOW_ALPHA, value) for value in range(256)])
    return Image.merge("RGBA", [Image.new("L", size, 0)] * 3 + [soft])


def _colour(name: str, opacity: float) -> tuple[int, ...]:
    """Parse Shotstack's `#aarrggbb`, or any colour of CSS."""
    if re.fullmatch(r"#[0-9a-fA-F]{8}", name):
        name = f"#{name[3:]}{name[1:3]}"
    red, green, blue, *alpha = ImageColor.getrgb(name)
    return red, green, blue, round(sum(alpha or [255]) * opacity)


def _none_if_transparent(colour: str | None) -> str | None:
    return None if colour == "transparent" else colour


def _weight(value: Any) -> str:
    number = _WORD_WEIGHTS.get(str(value).lower()) or int(value)
    names = {300: "Light", 400: "Regular", 600: "Semibold", 700: "Bold", 900: "Black"}
    return names[min(names, key=lambda known: abs(known - number))]


class _TextParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS and self.text:
            self.text += "\n"

    def handle_data(self, data: str) -> None:
        self.text += re.sub(r"\s+", " ", data)


def _extract_text(html: str) -> str:
    """Return the text of an HTML fragment, one line per block."""
    parser = _TextParser()
    parser.feed(html)
    return parser.text.strip()
