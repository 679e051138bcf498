"""Requests that the emulated Chat Completions API refuses, and the errors that the official `openai` SDK raises."""

from typing import Any

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.emulators.process import Emulators

MODEL = "gpt-6-luna"
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hello to the world"}]


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"max_tokens": 5}, "max_tokens", "unsupported_parameter"),
        ({"max_completion_tokens": 0}, "max_completion_tokens", "integer_below_min_value"),
        ({"max_completion_tokens": 10**6}, "max_completion_tokens", "invalid_value"),
        ({"max_tokens": 5, "max_completion_tokens": 5, "model": "gpt-4o"}, None, "invalid_parameter_combination"),
        ({"messages": []}, "messages", "empty_array"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role", "invalid_value"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content", "invalid_type"),
        ({"messages": [{"role": "user", "content": None}]}, "messages.[0].content", None),
        ({"stop": list("abcde")}, "stop", "array_above_max_length"),
        ({"temperature": 3, "model": "gpt-4o"}, "temperature", "decimal_above_max_value"),
        ({"stream_options": {"include_usage": True}}, "stream_options", None),
        ({"extra_body": {"top_k": 5}}, "top_k", "unknown_parameter"),
        ({"extra_body": {"model": openai.omit}}, "model", "missing_required_parameter"),
    ],
)
def test_create_when_the_request_is_invalid_then_400_says_where(
    openai_client: openai.OpenAI, changes: dict[str, Any], param: str | None, code: str | None
) -> None:
    with pytest.raises(openai.BadRequestError) as failure:
        openai_client.chat.completions.create(**{"model": MODEL, "messages": HELLO, **changes})

    assert (failure.value.param, failure.value.code, failure.value.type) == (param, code, "invalid_request_error")
    assert failure.value.request_id and failure.value.request_id.startswith("req_")


@pytest.mark.parametrize(
    ("model", "options", "refused"),
    [
        ("gpt-4o", {"temperature": 0, "top_p": 0.5, "presence_penalty": 1}, None),
        ("gpt-4o", {"reasoning_effort": "low"}, ""),
        (MODEL, {"temperature": 1}, None),
        (MODEL, {"temperature": 0.7}, "temperature"),
        (MODEL, {"temperature": 0.7, "reasoning_effort": "none"}, None),
        (MODEL, {"top_p": 0.5}, None),
        ("gpt-5.6-terra", {"temperature": 0.7, "reasoning_effort": "none"}, "temperature"),
        ("gpt-6.1-sol", {"temperature": 0}, "temperature"),
        ("gpt-6.2-sol", {"top_p": 0.5}, "top_p"),
        ("gpt-6.2-sol", {"presence_penalty": 0.5}, "presence_penalty"),
        ("gpt-6.2-sol", {"frequency_penalty": 0, "top_p": 1, "temperature": 1}, None),
        ("gpt-6.2-sol", {"reasoning_effort": "none"}, "reasoning_effort"),
        ("o3", {"stop": "x"}, "stop"),
    ],
)
def test_sampling_when_the_model_does_not_support_it_then_400(
    openai_client: openai.OpenAI, model: str, options: dict[str, Any], refused: str | None
) -> None:
    if refused is None:
        assert openai_client.chat.completions.create(model=model, messages=HELLO, **options).choices
    else:
        with pytest.raises(openai.BadRequestError) as failure:
            openai_client.chat.completions.create(model=model, messages=HELLO, **options)
        assert (failure.value.param or "") == refused


@pytest.mark.parametrize("model", ["gpt-3.5-turbo", "gpt-4", "gpt-99"])
def test_create_when_the_model_is_shut_down_or_unknown_then_404(openai_client: openai.OpenAI, model: str) -> None:
    with pytest.raises(openai.NotFoundError, match=model) as failure:
        openai_client.chat.completions.create(model=model, messages=HELLO)

    assert failure.value.code == "model_not_found"


def test_key_when_it_is_missing_or_wrong_then_401(openai_client: openai.OpenAI, emulators: Emulators) -> None:
    with pytest.raises(openai.AuthenticationError, match="Incorrect API key provided: inva") as failure:
        openai_client.with_options(api_key="invalid-key").models.list()
    missing = httpx2.get(f"{emulators.url_of('openai')}/models")

    assert failure.value.code == "invalid_api_key"
    assert missing.status_code == 401
    assert missing.json()["error"]["message"].startswith("You didn't provide an API key.")


def test_request_when_malformed_or_unknown_then_vendors_format(emulators: Emulators) -> None:
    with httpx2.Client(base_url=emulators.url_of("openai"), headers={"authorization": "Bearer any"}) as client:
        broken = client.post("/chat/completions", content=b"[")
        unknown_route = client.post("/chat")
        wrong_method = client.put("/models")

    assert [answer.status_code for answer in (broken, unknown_route, wrong_method)] == [400, 404, 405]
    assert unknown_route.json()["error"]["message"] == "Invalid URL (POST /v1/chat)"
    for answer in (broken, unknown_route, wrong_method):
        assert answer.json()["error"].keys() == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("due", "error", "kind", "code"),
    [
        ({"status": 400}, openai.BadRequestError, "invalid_request_error", None),
        ({"status": 401}, openai.AuthenticationError, "invalid_request_error", "invalid_api_key"),
        ({"status": 404}, openai.NotFoundError, "invalid_request_error", "model_not_found"),
        ({"status": 429}, openai.RateLimitError, "requests", "rate_limit_exceeded"),
        (
            {"status": 403},
            openai.PermissionDeniedError,
            "invalid_request_error",
            "unsupported_country_region_territory",
        ),
        (
            {"status": 429, "error_code": "insufficient_quota"},
            openai.RateLimitError,
            "insufficient_quota",
            "insufficient_quota",
        ),
        ({"status": 429, "error_code": "slow_down"}, openai.RateLimitError, "rate_limit_error", "slow_down"),
        ({"status": 500}, openai.InternalServerError, "server_error", None),
        ({"status": 503}, openai.InternalServerError, "service_unavailable_error", "server_is_overloaded"),
    ],
)
def test_status_fault_when_queued_then_the_sdk_raises_its_error(
    openai_client: openai.OpenAI,
    emulators: Emulators,
    *,
    due: dict[str, Any],
    error: type[openai.APIStatusError],
    kind: str,
    code: str | None,
) -> None:
    emulators.add_fault("openai", kind="status", **due)

    with pytest.raises(error) as failure:
        openai_client.chat.completions.create(model=MODEL, messages=HELLO)

    assert (failure.value.status_code, failure.value.type, failure.value.code) == (due["status"], kind, code)
    assert failure.value.request_id


def test_error_event_when_streamed_then_the_sdk_raises_it(openai_client: openai.OpenAI, emulators: Emulators) -> None:
    emulators.add_fault("openai", kind="error_event", after=4)

    with pytest.raises(openai.APIError, match="The server had an error") as failure:
        list(openai_client.chat.completions.create(model=MODEL, messages=HELLO, stream=True))

    assert failure.value.type == "server_error"
