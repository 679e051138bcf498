"""Text drawn with Source Sans Pro (SIL Open Font License; Latin, Greek and Cyrillic), which comes as a wheel."""

from functools import lru_cache
from importlib.resources import as_file, files

from PIL import Image, ImageDraw, ImageFont


@lru_cache(maxsize=64)
def load_font(size: int, *, weight: str = "Semibold") -> ImageFont.FreeTypeFont:
    """Load the typeface at a size in pixels; weights are `Light`, `Regular`, `Semibold`, `Bold` and `Black`."""
    with as_file(files("font_source_sans_pro") / "files" / f"SourceSansPro-{weight}.ttf") as path:
        return ImageFont.truetype(str(path), max(1, size))


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


def measure(text: str, font: ImageFont.FreeTypeFont, *, spacing: float = 4) -> tuple[int, int]:
    """Return the width and height in pixels of text that already has its line breaks."""
    left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox(
        (0, 0), text, font=font, spacing=spacing
    )
    return round(right - left), round(bottom - top)


def draw_centred(image: Image.Image, text: str, *, pixels: int) -> None:
    """Draw the text in the middle, white with a black outline, at most `pixels` high and so that a margin remains."""
    room, height = image.width * 9 // 10, image.height * 8 // 10
    lines = wrap(text, load_font(pixels), room)
    while pixels > 8 and (measure(lines, load_font(pixels))[0] > room or measure(lines, load_font(pixels))[1] > height):
        pixels = pixels * 5 // 6
        lines = wrap(text, load_font(pixels), room)
    ImageDraw.Draw(image).multiline_text(
        (image.width / 2, image.height / 2),
        lines,
        font=load_font(pixels),
        fill="white",
        anchor="mm",
        align="center",
        stroke_width=max(1, pixels // 16),
        stroke_fill="black",
    )
