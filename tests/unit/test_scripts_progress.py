"""The progress lines of slow steps."""

import io
import re
import time

import pytest

from progress import Progress


def test_repeat_when_the_step_is_slow_then_it_prints_repeatedly() -> None:
    stream = io.StringIO()

    with Progress("setup", stream=stream, interval_seconds=0.02).repeat("installing npm packages"):
        time.sleep(0.2)

    lines = stream.getvalue().splitlines()
    assert len(lines) >= 2
    assert all(re.fullmatch(r"setup: installing npm packages, \d+ s so far", line) for line in lines)


def test_repeat_when_the_step_is_fast_then_it_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("setup").repeat("installing npm packages"):
        pass

    assert capsys.readouterr().out == ""


def test_repeat_when_the_step_fails_then_it_stops_printing() -> None:
    stream = io.StringIO()
    with (
        pytest.raises(ValueError, match="any"),
        Progress("setup", stream=stream, interval_seconds=0.01).repeat("installing"),
    ):
        time.sleep(0.05)
        raise ValueError("any")

    before = stream.getvalue()
    time.sleep(0.05)

    assert stream.getvalue() == before


def test_print_line_when_stream_is_omitted_then_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    Progress("start").print_line("any")

    assert capsys.readouterr() == ("start: any\n", "")
