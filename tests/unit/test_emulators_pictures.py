"""The pictures of the emulated image models."""

import pytest
from PIL import Image, ImageChops, ImageStat

from tests.emulators.lettering import draw_centred
from tests.emulators.pictures import paint

SIZE = (640, 360)


def draw(prompt: str, *, signature: str = "emulated", seed: int = 1) -> Image.Image:
    return paint(prompt, seed=seed, size=SIZE, signature=signature).convert("RGB")


def difference(first: Image.Image, second: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(first, second)).mean)


@pytest.mark.parametrize(
    "prompt",
    [
        "A title card with the words: The Sea at Night",
        'Title card that says "The Sea at Night", in blue',
        "A title slide for a video, text: The Sea at Night",
    ],
)
def test_title_card_when_painted_then_shows_only_the_title(prompt: str) -> None:
    card = draw(prompt)

    # White letters in the middle, and none of the signature's at the edge.
    assert card.crop((100, 100, 540, 260)).convert("L").histogram()[255] > 500
    assert (
        max(shade for shade, count in enumerate(card.crop((0, 300, 640, 360)).convert("L").histogram()) if count) < 160
    )
    assert difference(card, draw(prompt, signature="other")) == 0


def test_picture_when_no_title_card_then_shapes_and_signature() -> None:
    assert difference(draw("A cat"), draw("A cat", signature="another one")) > 0
    assert difference(draw("A cat"), draw("A cat", seed=2)) > 5


def test_picture_when_prompt_has_unknown_glyphs_then_left_out() -> None:
    first, second = (Image.new("RGBA", SIZE) for _ in range(2))
    draw_centred(first, "Hello 好的 🚀 world", pixels=40)
    draw_centred(second, "Hello world", pixels=40)
    assert difference(first.convert("RGB"), second.convert("RGB")) == 0
