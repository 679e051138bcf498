"""The pictures of the README."""

from xml.etree import ElementTree

import pictures


def test_session_when_drawn_then_every_line_is_in_a_valid_svg() -> None:
    long = "x" * (pictures.COLUMNS + 1)

    svg = pictures.draw_session([("echo '<&>'", "<&>\n"), ("long", long)])

    root = ElementTree.fromstring(svg)  # noqa: S314  # our own text
    texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["$ echo '<&>'", "<&>", "", "$ long", "x" * pictures.COLUMNS, "x"]


def test_line_when_empty_then_one_empty_piece() -> None:
    assert pictures.wrap("") == [""]
