"""Words and cues from the times of characters, and the files that players read."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrons.media.subtitles import Alignment, Span, to_srt, to_vtt


def align(text: str, *, seconds: float = 0.1) -> Alignment:
    """Each character takes as long as any other."""
    times = [round(index * seconds, 3) for index in range(len(text) + 1)]
    return Alignment(list(text), times[:-1], times[1:])


def test_words_when_split_then_each_has_its_times() -> None:
    assert align(" Hi  you,\nall").words() == [Span("Hi", 0.1, 0.3), Span("you,", 0.5, 0.9), Span("all", 1.0, 1.3)]


def test_words_when_the_script_has_no_spaces_then_each_character_with_its_punctuation() -> None:
    assert [word.text for word in align("你好。カナ ok").words()] == ["你", "好。", "カ", "ナ", "ok"]


@pytest.mark.parametrize("text", ["", "  \n "])
def test_words_when_there_is_nothing_to_say_then_none(text: str) -> None:
    assert align(text).words() == align(text).cues() == []


def test_cues_when_a_sentence_ends_then_the_next_one_begins_a_cue() -> None:
    cues = align("He said “no.” Then? Yes: 3.5 of it!").cues()

    assert [cue.text for cue in cues] == ["He said “no.”", "Then?", "Yes: 3.5 of it!"]
    assert (cues[1].start, cues[1].end) == (1.4, 1.9)


def test_cues_when_a_sentence_is_long_then_lines_of_42_characters() -> None:
    cues = align("word " * 30).cues()

    assert all(len(cue.text) <= 42 for cue in cues)
    assert [len(cue.text) for cue in cues[:-1]] == [39] * (len(cues) - 1)


def test_cues_when_spoken_slowly_then_seven_seconds_at_most() -> None:
    assert [cue.text for cue in align("one two three", seconds=1).cues()] == ["one two", "three"]


def test_cues_when_the_text_has_line_breaks_then_spaces() -> None:
    assert [cue.text for cue in align("one\n\n two").cues()] == ["one two"]


def test_alignment_when_its_parts_differ_in_length_then_value_error() -> None:
    with pytest.raises(ValueError, match="alignment"):
        Alignment(["a"], [0.0], [])


CUES = [Span("Tom & <Jerry>", 0, 1.5), Span("end", 3661.0015, 36000)]


def test_srt_when_written_then_numbered_with_commas() -> None:
    assert to_srt(CUES) == (
        "1\n00:00:00,000 --> 00:00:01,500\nTom & <Jerry>\n\n2\n01:01:01,002 --> 10:00:00,000\nend\n"
    )


def test_vtt_when_written_then_a_head_points_and_escapes() -> None:
    assert to_vtt(CUES) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nTom &amp; &lt;Jerry&gt;\n\n01:01:01.002 --> 10:00:00.000\nend\n"
    )


def test_files_when_there_are_no_cues_then_they_are_still_files() -> None:
    assert (to_srt([]), to_vtt([])) == ("", "WEBVTT\n")


@given(st.text())
def test_cues_when_made_of_any_text_then_nothing_is_lost_and_times_run_forward(text: str) -> None:
    cues = align(text).cues()

    assert "".join("".join(cue.text for cue in cues).split()) == "".join(text.split())
    assert all(cue.start < cue.end for cue in cues)
    assert all(before.end <= after.start for before, after in pairwise(cues))
