"""OpenAI's wire format: https://developers.openai.com/api/reference/resources/chat."""

import json
from dataclasses import replace
from typing import Any

import pytest

from electrons.capabilities.text import TextCall, TextMessage, TextResult
from electrons.errors import (
    ProviderAuthError,
    ProviderError,
    ProviderQuotaError,
    ProviderRateLimitError,
    ProviderRejectedError,
)
from electrons.providers.openai.provider import OpenAIProvider
from tests.providers.cases import Case, Cases, body_of
from tests.providers.test_openai_images import IMAGE_CASES

PROVIDER = OpenAIProvider()
CALL = TextCall(model="gpt-4o", messages=(TextMessage("user", "Hello"),), max_tokens=100)

COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1795000000,
    "model": "gpt-6-luna",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Good morning", "refusal": None, "annotations": []},
            "finish_reason": "stop",
            "logprobs": None,
        }
    ],
    "usage": {
        "prompt_tokens": 10,
        "completion_tokens": 4,
        "total_tokens": 14,
        "completion_tokens_details": {"reasoning_tokens": 2},
    },
    "service_tier": "default",
}


RESULT = TextResult(model="gpt-6-luna", text="Good morning", finish_reason="stop", input_tokens=10, output_tokens=4)
ESTIMATED = "OpenAI did not report all token counts; the missing ones are estimated"


NEEDED = {"choices", "choices[]", "choices[].message"}
STREAM_NEEDED = {"[].choices[]"}


def completion(message: dict[str, Any]) -> dict[str, Any]:
    return {**COMPLETION, "choices": [{**COMPLETION["choices"][0], "message": message}]}


def chunk(*choices: dict[str, Any], usage: dict[str, int] | None = None) -> str:
    document = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1795000000, "model": "gpt-6-luna"}
    return json.dumps({**document, "choices": list(choices), "usage": usage})


def delta(finish_reason: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"index": 0, "delta": fields, "finish_reason": finish_reason}


def error(kind: str, message: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


FAILURES: dict[str, Case] = {
    "401": Case(
        status=401,
        body=error("invalid_request_error", "Incorrect API key provided: sk-12**************89", "invalid_api_key"),
        expected=ProviderAuthError,
    ),
    "429": Case(
        status=429,
        body=error("requests", "Rate limit reached", "rate_limit_exceeded"),
        expected=ProviderRateLimitError,
    ),
    "5xx": Case(status=500, body=error("server_error", "The server had an error"), expected=ProviderError),
}

CASES: Cases = {
    "text": {
        **FAILURES,
        "success": Case(body=COMPLETION, needed=NEEDED, expected=RESULT),
        "400": Case(
            status=400,
            body=error("invalid_request_error", "Unsupported parameter: 'max_tokens'", "unsupported_parameter"),
            expected=ProviderRejectedError,
        ),
        "403": Case(
            status=403,
            body=error("request_forbidden", "Country not supported", "unsupported_country_region_territory"),
            expected=ProviderAuthError,
        ),
        "404": Case(
            status=404,
            body=error("invalid_request_error", "The model `gpt-0` does not exist", "model_not_found"),
            expected=ProviderRejectedError,
        ),
        "429 slow down": Case(
            status=429, body=error("rate_limit_error", "Slow down", "slow_down"), expected=ProviderRateLimitError
        ),
        "429 quota": Case(
            status=429,
            body=error("insufficient_quota", "You exceeded your current quota", "insufficient_quota"),
            expected=ProviderQuotaError,
        ),
        "429 credit": Case(
            status=429, body=error("requests", "No credit", "credit_balance_exhausted"), expected=ProviderQuotaError
        ),
        "503": Case(
            status=503,
            body=error("service_unavailable_error", "Overloaded", "server_is_overloaded"),
            expected=ProviderError,
        ),
        "unreadable": Case(body="<html>", expected=ProviderError),
        "no choices": Case(body={**COMPLETION, "choices": []}, expected=ProviderError),
        "no message": Case(body={**COMPLETION, "choices": [{"finish_reason": "stop"}]}, expected=ProviderError),
        "bad content": Case(body=completion({"content": 5}), expected=ProviderError),
        "no usage": Case(
            body={**COMPLETION, "usage": None},
            expected=replace(RESULT, input_tokens=2, output_tokens=3, warnings=[ESTIMATED]),
        ),
        "output not counted": Case(
            body={**COMPLETION, "usage": {"prompt_tokens": 10, "completion_tokens": None}},
            expected=replace(RESULT, output_tokens=3, warnings=[ESTIMATED]),
        ),
        "absurd counts": Case(
            body={**COMPLETION, "usage": {"prompt_tokens": 10**15, "completion_tokens": -5}},
            expected=replace(RESULT, input_tokens=2, output_tokens=3, warnings=[ESTIMATED]),
        ),
        "counts of another type": Case(
            body={**COMPLETION, "usage": {"prompt_tokens": "10", "completion_tokens": 1.5}},
            expected=replace(RESULT, input_tokens=2, output_tokens=3, warnings=[ESTIMATED]),
        ),
        "no model": Case(body={**COMPLETION, "model": None}, expected=replace(RESULT, model="model-1")),
        "error null": Case(body={**COMPLETION, "error": None}, expected=RESULT),
        "no finish reason": Case(
            body={**COMPLETION, "choices": [{"message": {"content": "Good morning"}}]}, expected=RESULT
        ),
        "a bad choice": Case(
            body={**COMPLETION, "choices": [None, *COMPLETION["choices"]]},
            expected=replace(RESULT, warnings=["1 of 2 choices could not be read and was left out"]),
        ),
        "content in parts": Case(
            body=completion(
                {
                    "content": [
                        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                        {"type": "text", "text": "Good "},
                        {"type": "output_text", "text": "morning"},
                    ]
                }
            ),
            expected=RESULT,
        ),
        "error in a 200": Case(body=error("server_error", "Down"), expected=ProviderError),
        "quota in a 200": Case(
            body=error("insufficient_quota", "No credit", "insufficient_quota"), expected=ProviderQuotaError
        ),
        "rate limit in a 200": Case(body={"error": {"code": 429, "message": "Slow"}}, expected=ProviderRateLimitError),
        "rejected in a 200": Case(
            body={"error": "Too long", "code": "context_length_exceeded"}, expected=ProviderRejectedError
        ),
        "quota by its type alone": Case(
            status=429, body=error("insufficient_quota", "No credit"), expected=ProviderQuotaError
        ),
        "400 billing": Case(
            status=400,
            body=error("invalid_request_error", "Inactive", "billing_not_active"),
            expected=ProviderQuotaError,
        ),
    },
    "stream": {
        **FAILURES,
        "success": Case(
            is_stream=True,
            body=[
                json.loads(chunk(delta(role="assistant", content=""))),
                json.loads(chunk(delta(content="Good "))),
                json.loads(chunk(delta(content="morning"))),
                json.loads(chunk(delta("stop"))),
                json.loads(chunk(usage={"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14})),
                "[DONE]",
            ],
            needed=STREAM_NEEDED,
            expected=("Good morning", replace(RESULT, text="")),
        ),
        "error in it": Case(
            is_stream=True,
            body=[json.loads(chunk(delta(content="Good "))), error("insufficient_quota", "Pay", "insufficient_quota")],
            expected=ProviderQuotaError,
        ),
        "cut off": Case(is_stream=True, body=[json.loads(chunk(delta(content="Good ")))], expected=ProviderError),
    },
    "image": IMAGE_CASES,
    "speech": {
        **FAILURES,
        "success": Case(headers={"Content-Type": "audio/mpeg"}, body="sound", expected=b"sound"),
        "json instead of audio": Case(headers={"Content-Type": "application/json"}, body={}, expected=ProviderError),
    },
}


def test_headers_have_the_bearer_key_and_our_request_id() -> None:
    assert PROVIDER.build_headers("sk-1", "request-1") == [
        ("Authorization", "Bearer sk-1"),
        ("X-Client-Request-Id", "request-1"),
    ]


def test_prompt_alone_sends_nothing_else() -> None:
    request = PROVIDER.build_text(CALL, stream=False)

    assert (request.method, request.path) == ("POST", "/chat/completions")
    assert request.headers == [("Content-Type", "application/json")]
    assert body_of(request.content) == {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": "Hello"}],
        "max_completion_tokens": 100,
    }


def test_all_options_are_sent_zero_included() -> None:
    call = replace(CALL, temperature=0.0, top_p=0.0, stop_sequences=("END",), system_prompt="Be brief")

    assert body_of(PROVIDER.build_text(call, stream=True).content) == {
        "model": "gpt-4o",
        "messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hello"}],
        "max_completion_tokens": 100,
        "temperature": 0.0,
        "top_p": 0.0,
        "stop": ["END"],
        "stream": True,
        "stream_options": {"include_usage": True, "include_obfuscation": False},
    }


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4o-mini", "gpt-4.1-mini", "gpt-4o-2024-08-06"])
def test_sampling_stays_for_models_that_take_it(model: str) -> None:
    call = replace(CALL, model=model, temperature=0.0, top_p=0.5)

    assert PROVIDER.fit(call, explicit=frozenset({"temperature"})) == (call, [])


@pytest.mark.parametrize("model", ["o3", "gpt-5", "gpt-5.6-sol", "gpt-6-luna", "gpt-6.2-astra", "new"])
def test_sampling_is_left_out_for_models_that_do_not_take_it(model: str) -> None:
    call = replace(CALL, model=model, temperature=0.7, top_p=0.9)

    fitted, warnings = PROVIDER.fit(call, explicit=frozenset({"temperature", "top_p", "max_tokens"}))

    assert fitted == replace(call, temperature=None, top_p=None)
    assert warnings == [
        f"{model} does not take temperature; it was left out",
        f"{model} does not take top_p; it was left out",
    ]
    assert PROVIDER.fit(call, explicit=frozenset())[1] == []


@pytest.mark.parametrize(
    ("content", "refusal", "text"), [("a", None, "a"), (None, "I can't", "I can't"), (None, None, "")]
)
def test_content_or_refusal_is_the_text(content: str | None, refusal: str | None, text: str) -> None:
    message = {"role": "assistant", "content": content, "refusal": refusal}

    document = {**COMPLETION, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}

    assert PROVIDER.parse_text(document).text == text


def test_events_give_text_and_usage() -> None:
    events = [
        chunk(delta(role="assistant", content="")),
        chunk(delta(content="Good ")),
        chunk(delta(content="morning")),
        chunk(delta("length")),
        chunk(usage={"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}),
        "[DONE]",
    ]
    result = TextResult(model="asked-for")

    pieces = [PROVIDER.parse_text_event(event, result) for event in events]

    assert "".join(pieces) == "Good morning"
    assert result == TextResult(model="gpt-6-luna", finish_reason="length", input_tokens=10, output_tokens=4)


def test_refusal_in_a_stream_is_text() -> None:
    assert PROVIDER.parse_text_event(chunk(delta(refusal="I can't")), TextResult(model="m")) == "I can't"


def test_error_chunk_is_a_provider_error() -> None:
    with pytest.raises(ProviderError, match="The server had an error"):
        PROVIDER.parse_text_event(json.dumps(error("server_error", "The server had an error")), TextResult(model="m"))


@pytest.mark.parametrize(
    "data",
    [
        *("{}", '{"error": null}', '{"model": "m"}', '{"model": "", "choices": []}', '{"choices": [{}]}'),
        '{"choices": [{"index": 0, "finish_reason": null, "content_filter_results": {}}]}',
        '{"choices": [{"delta": {"content": null}}], "usage": {"prompt_tokens": -1, "completion_tokens": 1e300}}',
    ],
)
def test_event_without_what_is_not_needed_is_skipped(data: str) -> None:
    result = TextResult(model="m", finish_reason="stop", input_tokens=3, output_tokens=4)

    assert PROVIDER.parse_text_event(data, result) == ""
    assert result == TextResult(model="m", finish_reason="stop", input_tokens=3, output_tokens=4)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (error("server_error", "Down"), ProviderError),
        (error("insufficient_quota", "No credit", "insufficient_quota"), ProviderQuotaError),
        (error("requests", "Rate limit reached", "rate_limit_exceeded"), ProviderRateLimitError),
        ({"error": {"code": 429, "message": "Slow down"}}, ProviderRateLimitError),
        ({"error": "Upstream failed"}, ProviderError),
    ],
)
def test_error_chunk_with_a_code_is_of_that_kind(failure: dict[str, Any], expected: type) -> None:
    with pytest.raises(ProviderError) as caught:
        PROVIDER.parse_text_event(json.dumps(failure), TextResult(model="m"))

    assert type(caught.value) is expected


def test_last_event_completes_the_stream() -> None:
    result = TextResult(model="m")

    PROVIDER.parse_text_event(chunk(delta("stop")), result)
    assert not result.is_complete
    PROVIDER.parse_text_event("[DONE]", result)

    assert result.is_complete


def test_content_in_parts_is_their_text() -> None:
    parts = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Hi"}]

    assert PROVIDER.parse_text_event(chunk(delta(content=parts)), TextResult(model="m")) == "Hi"


@pytest.mark.parametrize(
    "data",
    [
        *("", "[]", '{"error": 1}', '{"choices": 5}', '{"choices": [null]}'),
        '{"choices": [{"delta": "Hi"}]}',
        '{"choices": [{"delta": {"content": 5}}]}',
    ],
)
def test_chunk_with_unreadable_text_is_an_error(data: str) -> None:
    with pytest.raises((AttributeError, LookupError, TypeError, ValueError)):
        PROVIDER.parse_text_event(data, TextResult(model="m"))


def test_error_keeps_all_facts() -> None:
    content = json.dumps(error("requests", "Rate limit reached", "rate_limit_exceeded")).encode()

    parsed = PROVIDER.parse_error(
        429, {"x-request-id": "req_02", "retry-after": "7", "retry-after-ms": "6500"}, content
    )

    assert parsed.retry_after == 6.5
    assert parsed.details == {
        "provider": "openai",
        "status": 429,
        "code": "rate_limit_exceeded",
        "provider_request_id": "req_02",
    }


def test_error_message_is_masked() -> None:
    content = json.dumps(error("invalid_request_error", "Incorrect API key provided: sk-proj-abcdefgh.")).encode()

    assert (
        PROVIDER.parse_error(401, {}, content).message
        == "OpenAI rejected the API key: check `OPENAI_API_KEY` (Incorrect API key provided: ***)"
    )


def test_error_page_becomes_the_status() -> None:
    assert PROVIDER.parse_error(502, {}, b"<html>").message == "OpenAI failed with status 502: retry later"
