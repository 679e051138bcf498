"""Log lines and redaction."""

import json
import re
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError

from electrons.logs import (
    Level,
    Logger,
    describe_exception,
    format_traceback,
    redact,
    redact_tokens,
    timestamp,
)

CREDENTIALS = {
    "anthropic": "sk-ant-api03-Ab1_cd2-ef3GH4ij5",
    "openai": "sk-proj-Ab1cd2ef3GH4ij5_kl6",
    "elevenlabs": "sk_0123456789abcdef0123456789abcdef",
    "ours": "de_live_Ab1cd2ef3GH4ij5",
    "github classic": "ghp_Ab1cd2ef3GH4ij5kl6",
    "github app": "ghs_Ab1cd2ef3GH4ij5kl6",
    "github fine-grained": "github_pat_11ABCDEFG0ab_Cd1Ef2Gh3",
}
OPAQUE = "Ab1cd2ef3GH4ij5kl6mn7"


@pytest.mark.parametrize("credential", CREDENTIALS.values(), ids=list(CREDENTIALS))
@pytest.mark.parametrize("text", ["{}", "Incorrect API key provided: {}", "key '{}' is revoked", '{{"key":"{}"}}'])
def test_redact_when_credential_shape_is_known_then_removed(text: str, credential: str) -> None:
    assert redact(text.format(credential)) == text.format("***")


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer {}",
        "authorization: {}",
        "Authorization: Basic {}",
        "authorization: token {}",
        "x-api-key: {}",
        "xi-api-key={}",
        "Api-Key: {}",
        "{{'x-api-key': '{}'}}",
        "('x-api-key', '{}')",
        '{{"access_token":"{}"}}',
        "https://api.example/v1?api_key={}&page=2",
        "Incorrect API key provided: {}",
        "password = {}",
        "client_secret: {}",
    ],
)
def test_redact_when_name_indicates_credential_then_removed(text: str) -> None:
    assert redact(text.format(OPAQUE)) == text.format("***")


@pytest.mark.parametrize(
    "text",
    [
        "prompt is too long: 210000 tokens > 200000 maximum",
        "max_tokens: 300000 > 64000, which is the maximum allowed number of output tokens",
        "model: claude-sonnet-4-20250514",
        "Anthropic API key not configured: set the secret `ANTHROPIC_API_KEY`",
        "The task-oriented risk-assessment desk",
        "Invalid access token provided",
        "The access token expired. Please sign in again",
        "Token verification failed: basic authentication required",
        "Authorization: missing",
    ],
)
def test_redact_when_there_is_no_credential_then_the_text_stays(text: str) -> None:
    assert redact(text) == text


@given(st.text())
def test_redact_when_done_twice_then_once_was_enough(text: str) -> None:
    assert redact(redact(text)) == redact(text)


def write_lines(*, pretty: bool = False) -> tuple[Logger, list[tuple[Level, str]]]:
    lines: list[tuple[Level, str]] = []
    return Logger(worker="text-gen", write=lambda *line: lines.append(line), pretty=pretty), lines


@given(st.dictionaries(st.from_regex(r"field_[a-z]+", fullmatch=True), st.text() | st.integers() | st.none()))
def test_logger_then_writes_one_json_line_without_absent_fields(fields: dict[str, str | int | None]) -> None:
    logger, lines = write_lines()

    logger.info("request", **fields)

    ((level, line),) = lines
    record = json.loads(line)
    assert level == record.pop("level") == "info"
    assert "\n" not in line
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record.pop("timestamp"))
    known = {name: value for name, value in fields.items() if value is not None}
    assert record == {"worker": "text-gen", "event": "request", **known}


def test_logger_when_text_is_not_utf8_then_the_line_is_written_all_the_same() -> None:
    log, lines = write_lines()

    log.info("request", model="a\ud800b", size=7)

    ((_, line),) = lines
    assert (json.loads(line)["model"], json.loads(line)["size"]) == ("a\ud800b", 7)


def test_logger_when_error_has_cause_then_traceback_is_redacted() -> None:
    logger, lines = write_lines()

    logger.error("failure", cause=ValueError(f"Authorization: Bearer {OPAQUE}"), request_id="id-1")

    ((level, line),) = lines
    record = json.loads(line)
    assert (level, record["request_id"]) == ("error", "id-1")
    assert record["traceback"].strip() == "ValueError: Authorization: Bearer ***"


def test_logger_when_pretty_then_words_for_a_terminal() -> None:
    logger, lines = write_lines(pretty=True)

    logger.warning("retry", provider="openai", status=None, attempt=1)
    logger.error("failure", cause=ValueError("broken"))

    assert lines[0] == ("warning", "retry    provider=openai attempt=1")
    assert lines[1][1].splitlines()[-1] == "ValueError: broken"


PRIVATE = "the tulip plan"


class Note(BaseModel):
    text: Annotated[int, Field(strict=True)]


def test_traceback_of_a_validation_error_hides_the_input() -> None:
    with pytest.raises(ValidationError) as caught:
        Note.model_validate({"text": PRIVATE})

    text = format_traceback(caught.value)

    assert "tulip" not in text
    assert text.endswith("1 errors in Note: int_type\n")


def test_traceback_shows_each_cause_once_and_cuts_long_quotes() -> None:
    first, second = ValueError(f"no number: '{'tulip ' * 20}'"), RuntimeError("broken")
    first.__cause__, second.__cause__ = second, first

    text = format_traceback(second)

    assert text.split("\n\n") == [
        "ValueError: no number: '…'\n".strip(),
        "The above exception was the cause of the following one:",
        "RuntimeError: broken\n",
    ]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError("no route; Authorization: Bearer abcdef123456"), "OSError: no route; Authorization: Bearer ***"),
        (UnicodeDecodeError("utf-8", b"the tulip plan", 0, 1, "bad"), "UnicodeDecodeError"),
        (KeyError("the tulip plan"), "KeyError"),
    ],
)
def test_description_of_an_exception_quotes_no_data(error: Exception, text: str) -> None:
    assert describe_exception(error) == text


def test_timestamp_when_asked_then_utc_with_milliseconds() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", timestamp())


@pytest.mark.parametrize("text", ["sk-" * 60_000, "-----BEGIN PRIVATE KEY-----\n" * 7000], ids=["sk", "pem"])
def test_redaction_of_many_beginnings_of_tokens_is_fast(text: str) -> None:
    assert redact_tokens(text) == text


def test_tokens_when_redacted_then_a_key_as_a_whole() -> None:
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"

    assert redact_tokens(f"a {key} b {key} sk-{'a1' * 20} c") == "a *** b *** *** c"
