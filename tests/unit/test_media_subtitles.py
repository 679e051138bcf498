"""Words and cues from the times of characters, and the files that players read."""

import re
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


def test_words_of_a_script_without_spaces_are_single_characters() -> None:
    assert [word.text for word in align("你好。カナ ok").words()] == ["你", "好。", "カ", "ナ", "ok"]


@pytest.mark.parametrize("text", ["", "  \n "])
def test_words_when_there_is_nothing_to_say_then_none(text: str) -> None:
    assert align(text).words() == align(text).cues() == []


def test_next_sentence_begins_a_cue() -> None:
    cues = align("He said “no.” Then? Yes: 3.5 of it!").cues()

    assert [cue.text for cue in cues] == ["He said “no.”", "Then?", "Yes: 3.5 of it!"]
    assert (cues[1].start, cues[1].end) == (1.4, 1.9)


def test_cues_of_a_long_sentence_have_42_characters_at_most() -> None:
    cues = align("word " * 30).cues()

    assert all(len(cue.text) <= 42 for cue in cues)
    assert [len(cue.text) for cue in cues[:-1]] == [39] * (len(cues) - 1)


def test_cues_when_spoken_slowly_then_seven_seconds_at_most() -> None:
    assert [cue.text for cue in align("one two three", seconds=1).cues()] == ["one two", "three"]


def test_cues_when_the_text_has_line_breaks_then_spaces() -> None:
    assert [cue.text for cue in align("one\n\n two").cues()] == ["one two"]


COLLAPSED = Alignment(list("ab cd. ef gh"), [0, 0.1, 0.2, *[0.3] * 9], [0.1, 0.2, *[0.3] * 10])
"""The provider lost its place after 0.3 of 5.224 seconds."""


def test_words_without_a_length_share_the_rest_of_the_audio() -> None:
    assert COLLAPSED.words(duration=5.224) == [
        Span("ab", 0, 0.2),
        Span("cd.", 0.3, 2.41),
        Span("ef", 2.41, 3.817),
        Span("gh", 3.817, 5.224),
    ]
    assert COLLAPSED.cues(duration=5.224) == [Span("ab cd.", 0, 2.41), Span("ef gh", 2.41, 5.224)]


def test_words_without_room_share_the_time_before_them() -> None:
    assert COLLAPSED.cues(duration=0.25) == [Span("ab cd.", 0, 0.138), Span("ef gh", 0.138, 0.25)]


def test_words_without_a_length_share_time_up_to_the_next() -> None:
    alignment = Alignment(list("a — b"), [0, 0.1, 0.1, 0.1, 0.5], [0.1, 0.1, 0.1, 0.1, 0.6])

    assert alignment.words(duration=1) == [Span("a", 0, 0.1), Span("—", 0.1, 0.5), Span("b", 0.5, 0.6)]


def test_words_without_any_length_share_the_audio() -> None:
    alignment = Alignment(list("ab c"), [0] * 4, [0] * 4)

    assert alignment.words(duration=3) == [Span("ab", 0, 2), Span("c", 2, 3)]
    assert alignment.words() == alignment.words(duration=0.001) == alignment.words(duration=0) == []


def test_words_past_the_end_of_the_audio_end_with_it() -> None:
    alignment = Alignment(list("a b c"), [0, 1, 2, 3, 4], [1, 2, 3, 4, 5])

    assert alignment.words(duration=2.5) == [Span("a", 0, 1), Span("b", 2, 2.25), Span("c", 2.25, 2.5)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[laughs] Hello [clears throat]there", ["Hello", "there"]),
        ('Wait<break time="1.5s" />now', ["Wait", "now"]),
        ("<speak>One <break time='1s'/> <emphasis level=\"strong\">two</emphasis>.</speak>", ["One", "two."]),
        ("a</b>c<break/>.", ["ac", "."]),
        ("[whispers softly, then louder] 好[sighs]的", ["好", "的"]),
        (
            "See [1], a[i] and [t]he x<y, y>z, 1 < 2",
            ["See", "[1],", "a[i]", "and", "[t]he", "x<y,", "y>z,", "1", "<", "2"],
        ),
        ("[never closed <break", ["[never", "closed", "<break"]),
        ("[laughs]", []),
    ],
)
def test_directions_to_the_voice_are_not_words(text: str, words: list[str]) -> None:
    alignment = align(text)

    assert [word.text for word in alignment.words(duration=60)] == words
    assert " ".join(cue.text for cue in alignment.cues()) == " ".join(words)


def test_directions_split_over_items_are_not_words() -> None:
    alignment = Alignment(["Hi", " ", "[lau", "ghs]", "", " ", "you"], [0, 1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 7])

    assert alignment.words() == [Span("Hi", 0, 1), Span("you", 6, 7)]


@given(
    text=st.text(alphabet="ab .—好", max_size=30),
    times=st.lists(st.tuples(st.floats(-2, 9), st.floats(-2, 9)), min_size=30, max_size=30),
    duration=st.floats(0.05, 8),
)
def test_times_of_any_kind_give_ordered_cues_within_the_audio(
    text: str, times: list[tuple[float, float]], duration: float
) -> None:
    used = times[: len(text)]
    alignment = Alignment(list(text), [start for start, _ in used], [end for _, end in used])

    for spans in (alignment.words(duration=duration), alignment.cues(duration=duration)):
        assert "".join("".join(span.text for span in spans).split()) == "".join(text.split())
        assert all(span.start >= 0 and span.start + 0.0005 < span.end <= duration for span in spans)
        assert all(before.end <= after.start for before, after in pairwise(spans))


def test_alignment_of_unequal_parts_raises_value_error() -> None:
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


@given(st.text(alphabet=st.characters() | st.sampled_from("[]<>")))
def test_cues_of_any_text_lose_nothing_and_run_forward(text: str) -> None:
    cues = align(text).cues()

    spoken = re.sub(r"\[[^\W\d_][^\[\]\n]{2,79}\]|</?[A-Za-z][\w:.-]*\s*/?>", "", text)
    assert "".join("".join(cue.text for cue in cues).split()) == "".join(spoken.split())
    assert all(cue.start < cue.end for cue in cues)
    assert all(before.end <= after.start for before, after in pairwise(cues))
