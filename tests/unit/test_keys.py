"""The format of API keys."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrons.keys import KeyEnvironment, KeyRecord, MalformedKeyError, ParsedKey, generate, parse
from electrons.logs import redact

KNOWN = "de_live_0123456789abcdef_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA0TeBuB"
KNOWN_HASH = "b3a321793e061b3a12084841bcf411d42934426334881d3c32973608614c4600"

generated = st.builds(
    lambda environment, chosen: generate(environment, randomness=lambda count: chosen[:count]),
    st.sampled_from(["live", "test"]),
    st.binary(min_size=32, max_size=32),
)


@pytest.mark.parametrize("environment", ["live", "test"])
def test_generate_when_parsed_then_environment_id_and_hash(environment: KeyEnvironment) -> None:
    key = generate(environment)

    parsed = parse(key)

    assert key.startswith(f"de_{environment}_{parsed.id}_")
    assert parsed.environment == environment
    assert len(parsed.id) == 16
    assert parsed.id.isalnum() and parsed.id == parsed.id.lower()
    assert len(key) == len("de_live_") + 16 + 1 + 43 + 6
    assert len(parsed.hash) == 64
    assert key.split("_")[3] not in repr(parsed)


def test_generate_when_repeated_then_nothing_is_the_same() -> None:
    keys = [parse(generate("live")) for _ in range(100)]

    assert len({key.id for key in keys}) == len({key.hash for key in keys}) == 100


def test_parse_when_key_is_old_then_hash_is_unchanged() -> None:
    # The hash is what `printf %s KEY | sha256sum` says: the stored ones must stay good for ever.
    assert parse(KNOWN) == ParsedKey(environment="live", id="0123456789abcdef", hash=KNOWN_HASH)


@given(generated, st.data())
def test_parse_when_one_character_is_mistyped_then_malformed(key: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(key) - 1))
    other = data.draw(st.characters().filter(lambda character: character != key[place]))

    with pytest.raises(MalformedKeyError):
        parse(key[:place] + other + key[place + 1 :])


@given(generated, st.data())
def test_parse_when_two_neighbours_are_swapped_then_malformed(key: str, data: st.DataObject) -> None:
    places = [place for place in range(len(key) - 1) if key[place] != key[place + 1]]
    place = data.draw(st.sampled_from(places))

    with pytest.raises(MalformedKeyError):
        parse(key[:place] + key[place + 1] + key[place] + key[place + 2 :])


@given(generated, st.data())
def test_parse_when_cut_off_or_longer_then_malformed(key: str, data: st.DataObject) -> None:
    cut = key[: data.draw(st.integers(0, len(key) - 1))]
    longer = key + data.draw(st.text(min_size=1))

    for text in (cut, longer):
        with pytest.raises(MalformedKeyError):
            parse(text)


@pytest.mark.parametrize("text", ["", "any", "sk-ant-api03-x", KNOWN.upper(), f" {KNOWN}", f"{KNOWN}\n"])
def test_parse_when_malformed_then_error_does_not_repeat_text(text: str) -> None:
    with pytest.raises(MalformedKeyError) as caught:
        parse(text)

    assert not text or text not in str(caught.value)


@given(generated)
def test_redact_when_a_key_stands_in_a_text_then_it_is_hidden(key: str) -> None:
    assert redact(f"refused {key}, sorry") == "refused ***, sorry"


def test_record_when_created_then_holds_hash_instead_of_key() -> None:
    moment = datetime(2026, 11, 23, 12, tzinfo=UTC)

    record = KeyRecord.create(
        KNOWN, name="app", owner="me", scopes=["text", "audio"], created_at=moment, expires_at=moment
    )

    assert record == KeyRecord(
        id="0123456789abcdef",
        environment="live",
        hash=KNOWN_HASH,
        name="app",
        owner="me",
        scopes="text audio",
        created_at="2026-11-23T12:00:00Z",
        expires_at="2026-11-23T12:00:00Z",
    )


def test_status_when_time_passes_then_valid_expired_or_revoked() -> None:
    moment = datetime(2026, 11, 23, 12, tzinfo=UTC)
    record = KeyRecord.create(KNOWN, name="app", owner="me", scopes=(), created_at=moment, expires_at=moment)
    now = moment.timestamp()

    assert [record.status(at) for at in (now - 1, now, now + 1)] == ["valid", "expired", "expired"]
    assert replace(record, expires_at=None).status(now + 1e9) == "valid"
    assert replace(record, revoked_at="2026-11-23T12:00:00Z").status(now - 1) == "revoked"
