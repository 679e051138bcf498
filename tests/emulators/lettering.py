"""Text drawn with Source Sans Pro (SIL Open Font License; Latin, Greek and Cyrillic), which comes as a wheel."""

import re
import unicodedata
from functools import lru_cache
from importlib.resources import as_file, files

from PIL import Image, ImageDraw, ImageFont

_UNASSIGNED = "\U0010fffe"


@lru_cache(maxsize=64)
def load_font(size: int, *, weight: str = "Semibold") -> ImageFont.FreeTypeFont:
    """Load the typeface at a size in pixels; weights are `Light`, `Regular`, `Semibold`, `Bold` and `Black`."""
    with as_file(files("font_source_sans_pro") / "files" / f"SourceSansPro-{weight}.ttf") as path:
        return ImageFont.truetype(str(path), max(1, size))


def printable(text: str) -> str:
    """Return the text with the characters that the typeface has.

    Others become their plain form, such as `A` for a full-width one, or are left out, so that there are no empty boxes.
    """
    kept = []
    for character in unicodedata.normalize("NFC", text):
        if character.isspace() or _has_glyph(character):
            kept.append(character)
        else:
            kept += [plain for plain in unicodedata.normalize("NFKD", character) if _has_glyph(plain)]
    return re.sub(r"(?<=\S)[^\S\n]{2,}(?=\S)", " ", "".join(kept)).strip()


@lru_cache(maxsize=4096)
def _has_glyph(character: str) -> bool:
    is_selector = "\ufe00" <= character <= "\ufe0f"  # the typeface shows them as boxes
    if is_selector or unicodedata.category(character) in {"Cc", "Cf", "Cn", "Co", "Cs"}:
        return False
    font = load_font(32, weight="Regular")
    mask, missing = font.getmask(character), font.getmask(_UNASSIGNED)
    return mask.size != missing.size or bytes(mask) != bytes(missing)


def wrap(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """Return the text with line breaks, so that no line is wider than `width` pixels unless it is a single word."""
    lines = []
    for paragraph in text.splitlines() or [""]:
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if line and font.getlength(longer) > width:
                lines.append(line)
                line = word
            else:
                line = longer
        lines.append(line)
    return "\n".join(lines)


def balance(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """Return the text with line breaks as `wrap` does, but with lines of about the same length."""
    lines = wrap(text, font, width)
    low, high = 1, width
    while high - low > 4:
        middle = (low + high) // 2
        narrower = wrap(text, font, middle)
        if narrower.count("\n") > lines.count("\n") or measure(narrower, font)[0] > width:
            low = middle
        else:
            lines, high = narrower, middle
    return lines


def measure(text: str, font: ImageFont.FreeTypeFont, *, spacing: float = 4) -> tuple[int, int]:
    """Return the width and height in pixels of text that already has its line breaks."""
    left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox(
        (0, 0), text, font=font, spacing=spacing
    )
    return round(right - left), round(bottom - top)


def draw_centred(image: Image.Image, text: str, *, pixels: int, outline: bool = True) -> None:
    """Draw the text in the middle in white, at most `pixels` high and so that a margin remains."""
    text = printable(text)
    room, height = image.width * 9 // 10, image.height * 8 // 10
    lines = balance(text, load_font(pixels), room)
    while pixels > 8 and (measure(lines, load_font(pixels))[0] > room or measure(lines, load_font(pixels))[1] > height):
        pixels = pixels * 5 // 6
        lines = balance(text, load_font(pixels), room)
    ImageDraw.Draw(image).multiline_text(
        (image.width / 2, image.height / 2),
        lines,
        font=load_font(pixels),
        fill="white",
        anchor="mm",
        align="center",
        stroke_width=max(1, pixels // 16) if outline else 0,
        stroke_fill="black",
    )
