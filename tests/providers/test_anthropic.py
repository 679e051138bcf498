"""Anthropic's wire format: https://platform.claude.com/docs/en/api/messages, version 2023-06-01."""

import json
from dataclasses import replace
from typing import Any

import pytest

from electrons.capabilities.text import TextCall, TextMessage, TextResult
from electrons.capabilities.turns import ToolResult, ToolResults, ToolUse, Turn, UserText
from electrons.errors import (
    ProviderAuthError,
    ProviderError,
    ProviderQuotaError,
    ProviderRateLimitError,
    ProviderRejectedError,
)
from electrons.providers.anthropic import AnthropicProvider
from tests.providers.cases import TURN_CALL, Case, Cases, body_of

PROVIDER = AnthropicProvider()
CALL = TextCall(model="claude-sonnet-4-6", messages=(TextMessage("user", "Hello"),), max_tokens=100)

MESSAGE_CONTENT: list[dict[str, Any]] = [
    {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
    {"type": "text", "text": "Good ", "citations": None},
    {"type": "text", "text": "morning", "citations": None},
]

MESSAGE: dict[str, Any] = {
    "id": "msg_01",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-6",
    "content": MESSAGE_CONTENT,
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 10,
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": None,
        "cache_creation": None,
        "output_tokens": 4,
        "server_tool_use": None,
        "service_tier": "standard",
        "inference_geo": None,
    },
}


BLANK: list[dict[str, Any]] = [{"type": "text", "text": text} for text in ("", " \n")]
"""What a model may write, and Anthropic refuses to take back."""

TOOL_USE = {
    "type": "tool_use",
    "id": "toolu_01",
    "name": "read_file",
    "input": {"path": "README.md"},
    "caller": {"type": "direct"},
}

TOOL_MESSAGE: dict[str, Any] = {
    **MESSAGE,
    "content": [*MESSAGE_CONTENT, TOOL_USE, {**TOOL_USE, "id": "toolu_02", "name": "list_files", "input": {}}],
    "stop_reason": "tool_use",
    "usage": {
        "input_tokens": 10,
        "cache_creation_input_tokens": 300,
        "cache_read_input_tokens": 2000,
        "output_tokens": 40,
    },
}

TURN = Turn(
    text="Good morning",
    tool_uses=(
        ToolUse(id="toolu_01", name="read_file", input={"path": "README.md"}),
        ToolUse(id="toolu_02", name="list_files", input={}),
    ),
    ended="tools",
    model="claude-sonnet-4-6",
    input_tokens=2310,
    output_tokens=40,
    cache_read_tokens=2000,
    cache_write_tokens=300,
    raw=TOOL_MESSAGE["content"],
)


def error(kind: str, message: str, **details: str) -> dict[str, Any]:
    inner: dict[str, Any] = {"type": kind, "message": message}
    return {"type": "error", "error": inner | ({"details": details} if details else {}), "request_id": "req_01"}


NEEDED = {"content"}
STREAM_NEEDED = {"[].delta", "[].delta.text"}

STREAM: list[Any] = [
    {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Good "}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "morning"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 4},
    },
    {"type": "message_stop"},
]

FAILURES: dict[str, Case] = {
    "401": Case(status=401, body=error("authentication_error", "invalid x-api-key"), expected=ProviderAuthError),
    "429": Case(status=429, body=error("rate_limit_error", "Too many"), expected=ProviderRateLimitError),
    "5xx": Case(status=500, body=error("api_error", "Internal server error"), expected=ProviderError),
}

CASES: Cases = {
    "stream": {
        **FAILURES,
        "success": Case(
            is_stream=True,
            body=STREAM,
            needed=STREAM_NEEDED,
            expected=(
                "Good morning",
                TextResult(
                    model="claude-sonnet-4-6",
                    finish_reason="stop",
                    input_tokens=13,
                    output_tokens=4,
                    cache_write_tokens=3,
                ),
            ),
        ),
        "error in it": Case(
            is_stream=True, body=[*STREAM[:4], error("overloaded_error", "Overloaded")], expected=ProviderError
        ),
        "cut off": Case(is_stream=True, body=STREAM[:5], expected=ProviderError),
    },
    "text": {
        **FAILURES,
        "success": Case(
            body=MESSAGE,
            needed=NEEDED,
            expected=TextResult(
                model="claude-sonnet-4-6",
                text="Good morning",
                finish_reason="stop",
                input_tokens=13,
                output_tokens=4,
                cache_write_tokens=3,
            ),
        ),
        "400": Case(status=400, body=error("invalid_request_error", "max_tokens: 1"), expected=ProviderRejectedError),
        "402": Case(status=402, body=error("billing_error", "Your credit is used up"), expected=ProviderQuotaError),
        "403": Case(status=403, body=error("permission_error", "Not for this key"), expected=ProviderAuthError),
        "404": Case(status=404, body=error("not_found_error", "model: claude-3"), expected=ProviderRejectedError),
        "413": Case(status=413, body="<html>Request Entity Too Large</html>", expected=ProviderRejectedError),
        "429 spend limit": Case(
            status=429,
            body=error("rate_limit_error", "Limit reached", error_code="enforced_spend_limit_reached"),
            expected=ProviderQuotaError,
        ),
        "529": Case(status=529, body=error("overloaded_error", "Overloaded"), expected=ProviderError),
        "redirect": Case(
            status=302, headers={"Location": "https://elsewhere.example"}, body="", expected=ProviderError
        ),
        "unreadable": Case(body="<html>", expected=ProviderError),
        "no object": Case(body=[], expected=ProviderError),
        "no usage": Case(
            body={**MESSAGE, "usage": None},
            expected=TextResult(
                model="claude-sonnet-4-6",
                text="Good morning",
                finish_reason="stop",
                input_tokens=2,
                output_tokens=3,
                warnings=["Anthropic did not report all token counts; the missing ones are estimated"],
            ),
        ),
        "400 out of credit": Case(
            status=400,
            body=error("invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
            expected=ProviderQuotaError,
        ),
        "error in a 200": Case(body=error("overloaded_error", "Overloaded"), expected=ProviderError),
        "rate limit in a 200": Case(body=error("rate_limit_error", "Too many"), expected=ProviderRateLimitError),
        "quota in a 200": Case(
            body=error("rate_limit_error", "Limit reached", error_code="contract_spend_limit_reached"),
            expected=ProviderQuotaError,
        ),
        "no content": Case(body={**MESSAGE, "content": None}, expected=ProviderError),
        "empty": Case(body={"content": []}, expected=ProviderError),
    },
    "turns": {
        **FAILURES,
        "success": Case(body=TOOL_MESSAGE, needed=NEEDED, expected=TURN),
        "400": Case(
            status=400,
            body=error("invalid_request_error", "tools: Tool names must be unique."),
            expected=ProviderRejectedError,
        ),
        "402": Case(status=402, body=error("billing_error", "Your credit is used up"), expected=ProviderQuotaError),
        "529": Case(status=529, body=error("overloaded_error", "Overloaded"), expected=ProviderError),
        "unreadable": Case(body="<html>", expected=ProviderError),
        "no usage": Case(
            body={**TOOL_MESSAGE, "usage": None},
            expected=replace(TURN, input_tokens=85, output_tokens=100, cache_read_tokens=0, cache_write_tokens=0),
        ),
        "unknown reason": Case(body={**TOOL_MESSAGE, "stop_reason": "tired"}, expected=TURN),
        "unknown reason, no tools": Case(
            body={**TOOL_MESSAGE, "content": MESSAGE_CONTENT, "stop_reason": None},
            expected=replace(TURN, tool_uses=(), ended="end", raw=MESSAGE_CONTENT),
        ),
        "input as JSON": Case(
            body={**TOOL_MESSAGE, "content": [*MESSAGE_CONTENT, {**TOOL_USE, "input": '{"path": "README.md"}'}]},
            expected=replace(TURN, tool_uses=TURN.tool_uses[:1], raw=[*MESSAGE_CONTENT, TOOL_USE]),
        ),
        "input left out": Case(
            body={**TOOL_MESSAGE, "content": [*MESSAGE_CONTENT, {**TOOL_USE, "input": ""}]},
            expected=replace(
                TURN,
                tool_uses=(replace(TURN.tool_uses[0], input={}),),
                raw=[*MESSAGE_CONTENT, {**TOOL_USE, "input": {}}],
            ),
        ),
        "bad block": Case(body={**TOOL_MESSAGE, "content": [None, *TOOL_MESSAGE["content"]]}, expected=TURN),
        "no content": Case(body={**TOOL_MESSAGE, "content": None}, expected=ProviderError),
        "no tools": Case(body={**TOOL_MESSAGE, "content": []}, expected=ProviderError),
        "input no object": Case(
            body={**TOOL_MESSAGE, "content": [{**TOOL_USE, "input": "src/index.js"}]}, expected=ProviderError
        ),
    },
}


def test_headers_have_the_key_and_the_pinned_version() -> None:
    assert PROVIDER.build_headers("sk-ant-1", "request-1") == [
        ("x-api-key", "sk-ant-1"),
        ("anthropic-version", "2023-06-01"),
    ]


def test_prompt_alone_sends_nothing_else() -> None:
    request = PROVIDER.build_text(CALL, stream=False)

    assert (request.method, request.path) == ("POST", "/v1/messages")
    assert request.headers == [("Content-Type", "application/json")]
    assert body_of(request.content) == {
        "model": "claude-sonnet-4-6",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "Hello"}],
    }


def test_all_options_are_sent_zero_included() -> None:
    call = replace(CALL, temperature=0.0, top_p=0.0, stop_sequences=("END",), system_prompt="Be brief")

    assert body_of(PROVIDER.build_text(call, stream=True).content) == {
        "model": "claude-sonnet-4-6",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "Hello"}],
        "system": "Be brief",
        "temperature": 0.0,
        "top_p": 0.0,
        "stop_sequences": ["END"],
        "stream": True,
    }


def test_conversation_is_sent_in_order() -> None:
    said = (TextMessage("user", "Hello"), TextMessage("assistant", "Hi"), TextMessage("user", "Bye"))

    assert body_of(PROVIDER.build_text(replace(CALL, messages=said), stream=False).content)["messages"] == [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": "Bye"},
    ]


@pytest.mark.parametrize(
    "model",
    ["claude-opus-4-5", "claude-opus-4-6", "claude-sonnet-4-5-20250929", "claude-sonnet-4-6", "claude-haiku-4-5"],
)
def test_sampling_stays_for_models_that_take_it(model: str) -> None:
    call = replace(CALL, model=model, temperature=0.0)

    assert PROVIDER.fit(call, explicit=frozenset({"temperature"})) == (call, [])


@pytest.mark.parametrize(
    "model", ["claude-opus-4-7", "claude-opus-4-8", "claude-sonnet-5", "claude-haiku-5-5", "claude-fable-5-2", "new"]
)
def test_sampling_is_left_out_for_models_that_do_not_take_it(model: str) -> None:
    call = replace(CALL, model=model, temperature=0.7, top_p=0.9)

    fitted, warnings = PROVIDER.fit(call, explicit=frozenset({"top_p", "max_tokens"}))

    assert fitted == replace(call, temperature=None, top_p=None)
    assert warnings == [f"{model} does not take top_p; it was left out"]


@pytest.mark.parametrize(
    ("explicit", "temperature", "top_p", "warnings"),
    [
        ({"top_p"}, None, 0.9, 0),
        ({"temperature", "top_p"}, 0.7, None, 1),
    ],
)
def test_temperature_and_top_p_become_one_of_them(
    explicit: set[str], temperature: float | None, top_p: float | None, warnings: int
) -> None:
    fitted, texts = PROVIDER.fit(replace(CALL, temperature=0.7, top_p=0.9), explicit=frozenset(explicit))

    assert (fitted.temperature, fitted.top_p, len(texts)) == (temperature, top_p, warnings)


@pytest.mark.parametrize(
    ("stop_reason", "finish_reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("pause_turn", "pause_turn"),
    ],
)
def test_stop_reason_becomes_the_platforms_word(stop_reason: str, finish_reason: str) -> None:
    assert PROVIDER.parse_text({**MESSAGE, "stop_reason": stop_reason}).finish_reason == finish_reason


def test_message_without_text_is_empty() -> None:
    assert PROVIDER.parse_text({**MESSAGE, "content": []}).text == ""


def test_events_give_text_and_cumulative_usage() -> None:
    usage = {"input_tokens": 3, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 2, "output_tokens": 1}
    start = {**MESSAGE, "content": [], "stop_reason": None, "usage": usage}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "ping"},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Good "}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "morning"}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": None}, "usage": {"output_tokens": 3}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}},
        {"type": "message_stop"},
        {"type": "some_new_event"},
    ]
    result = TextResult(model="asked-for")

    pieces = [PROVIDER.parse_text_event(json.dumps(event), result) for event in events]

    assert "".join(pieces) == "Good morning"
    assert result == TextResult(
        model="claude-sonnet-4-6",
        finish_reason="stop",
        input_tokens=10,
        output_tokens=4,
        cache_read_tokens=5,
        cache_write_tokens=2,
    )


def test_first_turn_has_two_cache_marks_and_no_temperature() -> None:
    request = PROVIDER.build_turn(TURN_CALL)

    assert (request.method, request.path) == ("POST", "/v1/messages")
    assert body_of(request.content) == {
        "model": "model-1",
        "max_tokens": 100,
        "system": [{"type": "text", "text": "Be brief", "cache_control": {"type": "ephemeral"}}],
        "tools": [
            {
                "name": "list_files",
                "description": "Names all files",
                "input_schema": {"type": "object", "properties": {}},
            }
        ],
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral"}}],
            }
        ],
    }


def test_turns_go_back_unchanged_and_the_end_is_marked() -> None:
    results = (
        ToolResult(id="toolu_01", content="`README.md` is not there", failed=True),
        ToolResult(id="toolu_02", content=""),
    )
    call = replace(TURN_CALL, messages=(*TURN_CALL.messages, TURN, ToolResults(results=results)), temperature=0.0)

    document = body_of(PROVIDER.build_turn(call).content)

    assert document["temperature"] == 0.0
    assert document["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
        {"role": "assistant", "content": TOOL_MESSAGE["content"]},
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_01",
                    "content": "`README.md` is not there",
                    "is_error": True,
                },
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_02",
                    "content": "",
                    "cache_control": {"type": "ephemeral"},
                },
            ],
        },
    ]


def test_consecutive_messages_become_one_without_blanks() -> None:
    pause, silence = replace(TURN, tool_uses=(), raw=MESSAGE_CONTENT), replace(TURN, tool_uses=(), raw=[])
    hello, bye = UserText(text="Hello"), UserText(text="Bye")

    def build(*messages: Turn | UserText) -> list[tuple[str, int]]:
        document = body_of(PROVIDER.build_turn(replace(TURN_CALL, messages=messages)).content)
        return [(message["role"], len(message["content"])) for message in document["messages"]]

    assert build(hello, pause, pause, bye) == [("user", 1), ("assistant", 6), ("user", 1)]
    assert build(hello, silence, bye) == [("user", 2)]
    assert build(hello, pause) == [("user", 1), ("assistant", 3)]
    assert build(hello, replace(pause, raw=BLANK), bye) == [("user", 2)]
    assert build(hello, replace(pause, raw=[*BLANK, *MESSAGE_CONTENT]), bye) == [
        ("user", 1),
        ("assistant", 3),
        ("user", 1),
    ]
    assert build(hello, pause, UserText(text=" \n")) == [("user", 1), ("assistant", 3)]
    assert TURN.raw == TOOL_MESSAGE["content"]


@pytest.mark.parametrize(
    ("model", "temperature", "fitted", "warnings"),
    [
        ("claude-sonnet-4-6", 0.0, 0.0, []),
        ("claude-sonnet-5-5", None, None, []),
        ("claude-sonnet-5-5", 0.0, None, ["claude-sonnet-5-5 does not take temperature; it was left out"]),
    ],
)
def test_temperature_of_a_turn_stays_where_it_is_taken(
    model: str, temperature: float | None, fitted: float | None, warnings: list[str]
) -> None:
    call = replace(TURN_CALL, model=model, temperature=temperature)

    assert PROVIDER.fit_turn(call) == (replace(call, temperature=fitted), warnings)


@pytest.mark.parametrize(
    ("stop_reason", "ended"),
    [
        ("tool_use", "tools"),
        ("end_turn", "end"),
        ("stop_sequence", "end"),
        ("max_tokens", "length"),
        ("refusal", "refusal"),
        ("pause_turn", "pause"),
        ("model_context_window_exceeded", "context"),
    ],
)
def test_stop_reason_of_a_turn_becomes_the_platforms_word(stop_reason: str, ended: str) -> None:
    assert PROVIDER.parse_turn({**TOOL_MESSAGE, "stop_reason": stop_reason}).ended == ended


@pytest.mark.parametrize(
    ("kind", "expected", "status"),
    [
        ("new_error", ProviderError, 200),
        ("overloaded_error", ProviderError, 529),
        ("api_error", ProviderError, 500),
        ("rate_limit_error", ProviderRateLimitError, 429),
        ("billing_error", ProviderQuotaError, 402),
    ],
)
def test_error_event_becomes_that_error(kind: str, expected: type, status: int) -> None:
    with pytest.raises(ProviderError) as caught:
        PROVIDER.parse_text_event(json.dumps(error(kind, "Overloaded")), TextResult(model="m"))

    assert type(caught.value) is expected
    assert caught.value.upstream_status == status


@pytest.mark.parametrize("data", ["{}", '{"type": "message_start"}', '{"type": "message_delta"}', '{"type": null}'])
def test_event_without_what_is_not_needed_is_skipped(data: str) -> None:
    result = TextResult(model="m", finish_reason="stop", input_tokens=3, output_tokens=4)

    assert PROVIDER.parse_text_event(data, result) == ""
    assert result == TextResult(model="m", finish_reason="stop", input_tokens=3, output_tokens=4)


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"output_tokens": 9}, (10, 9, 5, 2)),
        ({"output_tokens": 9, "input_tokens": None}, (10, 9, 5, 2)),
        ({"output_tokens": 9, "input_tokens": 30}, (37, 9, 5, 2)),
        ({"output_tokens": 9, "input_tokens": 30, "cache_read_input_tokens": 6}, (38, 9, 6, 2)),
        ({"output_tokens": 10**15, "input_tokens": -5, "cache_creation_input_tokens": "8"}, (10, 4, 5, 2)),
        ({"output_tokens": 1.5, "input_tokens": True}, (10, 4, 5, 2)),
        (None, (10, 4, 5, 2)),
    ],
)
def test_later_counts_replace_earlier_ones_where_readable(
    usage: dict[str, Any] | None, counts: tuple[int, ...]
) -> None:
    result = TextResult(model="m", input_tokens=10, output_tokens=4, cache_read_tokens=5, cache_write_tokens=2)

    PROVIDER.parse_text_event(json.dumps({"type": "message_delta", "delta": {}, "usage": usage}), result)

    assert counts == (
        result.input_tokens,
        result.output_tokens,
        result.cache_read_tokens,
        result.cache_write_tokens,
    )


def test_last_event_completes_the_stream() -> None:
    result = TextResult(model="m")

    PROVIDER.parse_text_event('{"type": "message_delta", "delta": {"stop_reason": "end_turn"}}', result)
    assert not result.is_complete
    PROVIDER.parse_text_event('{"type": "message_stop"}', result)

    assert result.is_complete


@pytest.mark.parametrize(
    "data",
    [
        *("", "[DONE]", "[]"),
        '{"type": "content_block_delta"}',
        '{"type": "content_block_delta", "delta": {"type": "text_delta", "text": 5}}',
    ],
)
def test_event_with_unreadable_text_is_an_error(data: str) -> None:
    with pytest.raises((AttributeError, LookupError, TypeError, ValueError)):
        PROVIDER.parse_text_event(data, TextResult(model="m"))


def test_error_keeps_all_facts() -> None:
    content = json.dumps(error("rate_limit_error", "Too many\n requests", error_code="ramp_limit_exceeded")).encode()

    parsed = PROVIDER.parse_error(429, {"request-id": "req_02", "retry-after": "7"}, content)

    assert parsed.message == "Anthropic's rate limit is reached: retry after 7 s (Too many requests)"
    assert parsed.retry_after == 7
    assert parsed.details == {
        "provider": "anthropic",
        "status": 429,
        "code": "ramp_limit_exceeded",
        "provider_request_id": "req_02",
    }


def test_error_message_is_masked_and_cut() -> None:
    content = json.dumps(
        error("authentication_error", "invalid x-api-key: sk-ant-api03-abcdefgh " + "x" * 600)
    ).encode()

    message = PROVIDER.parse_error(401, {}, content).message

    assert "abcdefgh" not in message
    prefix = "Anthropic rejected the API key: check `ANTHROPIC_API_KEY` ("
    assert message.startswith(f"{prefix}invalid x-api-key: ***")
    assert len(message) == len(prefix) + 500 + 1


def test_error_page_becomes_the_status() -> None:
    assert PROVIDER.parse_error(503, {}, b"<html>").message == "Anthropic failed with status 503: retry later"
