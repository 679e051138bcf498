"""The emulated text keeps its promises for any prompt and any limit."""

from hypothesis import given
from hypothesis import strategies as st

from tests.emulators.text import complete, count_tokens

_PROMPTS = st.text(max_size=200)


@given(prompt=_PROMPTS, limit=st.none() | st.integers(0, 200))
def test_complete_when_limited_then_counts_what_it_wrote_and_streams_all_of_it(prompt: str, limit: int | None) -> None:
    whole = complete("m", prompt, max_tokens=None, stop_sequences=[])
    completion = complete("m", prompt, max_tokens=limit, stop_sequences=[])

    assert whole.text.startswith(completion.text)
    assert "".join(completion.deltas) == completion.text
    assert completion.tokens == count_tokens(completion.text)
    assert limit is None or completion.tokens <= limit
    assert completion.stopped_by == ("end" if completion.text == whole.text else "length")


@given(prompt=_PROMPTS, stops=st.lists(st.text(min_size=1, max_size=3), min_size=1, max_size=4))
def test_complete_when_it_may_stop_then_holds_no_stop_sequence(prompt: str, stops: list[str]) -> None:
    whole = complete("m", prompt, max_tokens=None, stop_sequences=[])
    completion = complete("m", prompt, max_tokens=None, stop_sequences=stops)

    assert not any(stop in completion.text for stop in stops)
    if completion.stopped_by == "stop_sequence":
        assert completion.stop_sequence in stops
        assert whole.text.startswith(f"{completion.text}{completion.stop_sequence}")
    else:
        assert completion == whole
