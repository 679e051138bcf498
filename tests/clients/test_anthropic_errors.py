"""Requests that the emulated Messages API refuses, and the errors that the official `anthropic` SDK raises."""

from typing import Any

import anthropic
import httpx2
import pytest
from anthropic.types import Message, MessageParam

from tests.emulators.process import Emulators

MODEL = "claude-sonnet-4-6"
HELLO: list[MessageParam] = [{"role": "user", "content": "Say hello to the world"}]
VERSION_HEADER = {"anthropic-version": "2023-06-01"}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"max_tokens": 128_001, "timeout": 9},
            "max_tokens: 128001 > 128000, which is the maximum allowed number of output tokens",
        ),
        ({"max_tokens": -1}, "max_tokens: Input should be greater than or equal to 0"),
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages.0: all messages must have non-empty content"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role: Input should be 'user', 'assistant'"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages.0.content.0.type: Field required"),
        ({"messages": [*HELLO, {"role": "assistant", "content": "I"}]}, "does not support assistant message prefill"),
        ({"stop_sequences": [" "]}, "stop_sequences: each stop sequence must contain non-whitespace"),
        ({"extra_body": {"frequency_penalty": 1}}, "frequency_penalty: Extra inputs are not permitted"),
        ({"extra_body": {"temperature": 1.0}}, "temperature: Extra inputs are not permitted"),
        ({"extra_body": {"top_k": 5}}, "top_k: Extra inputs are not permitted"),
        ({"extra_headers": {"anthropic-version": "2025-01-01"}}, '"2025-01-01" is not a valid version'),
        ({"extra_headers": {"anthropic-version": anthropic.Omit()}}, "anthropic-version: header is required"),
    ],
)
def test_create_when_the_request_is_invalid_then_400_says_where(
    anthropic_client: anthropic.Anthropic, changes: dict[str, Any], text: str
) -> None:
    with pytest.raises(anthropic.BadRequestError) as failure:
        anthropic_client.messages.create(**{"model": MODEL, "max_tokens": 50, "messages": HELLO, **changes})

    assert text in str(failure.value.api_message)
    assert failure.value.type == "invalid_request_error"
    assert failure.value.request_id and failure.value.request_id.startswith("req_")


@pytest.mark.parametrize(
    ("model", "sampling", "refusal"),
    [
        ("claude-sonnet-4-6", {"temperature": 0}, None),
        ("claude-sonnet-4-6", {"top_p": 0.5, "top_k": 3}, None),
        ("claude-sonnet-4-6", {"temperature": 1.5}, "temperature: range: 0..1"),
        ("claude-sonnet-4-6", {"temperature": 0.7, "top_p": 0.9}, "cannot both be specified for this model"),
        ("claude-opus-4-7", {"temperature": 1.0, "top_p": 0.99}, None),
        ("claude-opus-4-7", {"temperature": 0.7}, "`temperature` is deprecated for this model."),
        ("claude-haiku-5-5", {"top_p": 0.9}, "`top_p` is deprecated for this model."),
        ("claude-fable-5-2", {"top_k": 1}, "`top_k` is deprecated for this model."),
    ],
)
def test_sampling_when_api_version_is_old_then_model_decides(
    anthropic_client: anthropic.Anthropic, model: str, sampling: dict[str, float], refusal: str | None
) -> None:
    def create_message() -> Message:
        return anthropic_client.messages.create(
            model=model, max_tokens=50, messages=HELLO, extra_headers=VERSION_HEADER, extra_body=sampling
        )

    if refusal is None:
        assert create_message().model == model
    else:
        with pytest.raises(anthropic.BadRequestError, match=refusal):
            create_message()


@pytest.mark.parametrize(
    ("model", "kind", "refused"),
    [
        ("claude-sonnet-4-6", "enabled", False),
        ("claude-opus-4-7", "enabled", True),
        ("claude-haiku-4-5", "adaptive", True),
        ("claude-fable-5", "disabled", True),
        ("claude-opus-5-5", "disabled", True),
        ("claude-sonnet-5-5", "disabled", False),
    ],
)
def test_thinking_when_the_model_does_not_support_it_then_400(
    anthropic_client: anthropic.Anthropic, model: str, kind: str, refused: bool
) -> None:
    thinking: Any = {"type": kind, "budget_tokens": 1024} if kind == "enabled" else {"type": kind}

    def create_message() -> Message:
        return anthropic_client.messages.create(model=model, max_tokens=2000, messages=HELLO, thinking=thinking)

    if refused:
        with pytest.raises(anthropic.BadRequestError, match="is not supported for this model"):
            create_message()
    else:
        thinks = create_message().content[0].type == "thinking"
        assert thinks == (kind != "disabled")


@pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")
@pytest.mark.parametrize("model", ["claude-sonnet-4-20250514", "claude-opus-4-1", "claude-99"])
def test_create_when_the_model_is_retired_or_unknown_then_404(
    anthropic_client: anthropic.Anthropic, model: str
) -> None:
    with pytest.raises(anthropic.NotFoundError) as failure:
        anthropic_client.messages.create(model=model, max_tokens=50, messages=HELLO)

    assert (failure.value.type, failure.value.api_message) == ("not_found_error", f"model: {model}")


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({}, "x-api-key header is required"),
        ({"authorization": "Bearer invalid"}, "Invalid bearer token"),
        ({"x-api-key": "invalid-key"}, "invalid x-api-key"),
        ({"x-api-key": "invalid-key", "authorization": "Bearer good"}, "invalid x-api-key"),
    ],
)
def test_key_when_it_is_missing_or_wrong_then_401(emulators: Emulators, headers: dict[str, str], text: str) -> None:
    answer = httpx2.get(f"{emulators.url_of('anthropic')}/v1/models", headers={**VERSION_HEADER, **headers})

    assert (answer.status_code, answer.json()["error"]) == (401, {"type": "authentication_error", "message": text})


def test_body_when_it_is_not_json_or_too_large_then_refused(emulators: Emulators) -> None:
    def post(body: bytes) -> httpx2.Response:
        url = f"{emulators.url_of('anthropic')}/v1/messages"
        return httpx2.post(url, headers={"x-api-key": "any", **VERSION_HEADER}, content=body)

    broken, huge = post(b'{"model": '), post(b" " * (32 * 1024 * 1024 + 1))

    assert broken.status_code == 400
    assert broken.json()["error"]["message"].startswith("The request body is not valid JSON: ")
    assert (huge.status_code, huge.json()["error"]["type"]) == (413, "request_too_large")


def test_route_when_unknown_then_404_in_the_vendors_format(emulators: Emulators) -> None:
    answer = httpx2.post(f"{emulators.url_of('anthropic')}/v1/complete", headers={"x-api-key": "any"})

    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found_error")


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (402, anthropic.APIStatusError, "billing_error"),
        (403, anthropic.PermissionDeniedError, "permission_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (413, anthropic.APIStatusError, "request_too_large"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (504, anthropic.InternalServerError, "timeout_error"),
        (529, anthropic.InternalServerError, "overloaded_error"),
    ],
)
def test_status_fault_when_queued_then_the_sdk_raises_its_error(
    anthropic_client: anthropic.Anthropic,
    emulators: Emulators,
    *,
    status: int,
    error: type[anthropic.APIStatusError],
    kind: str,
) -> None:
    emulators.add_fault("anthropic", kind="status", status=status, error_code="some_code")

    with pytest.raises(error) as failure:
        anthropic_client.messages.create(model=MODEL, max_tokens=50, messages=HELLO)

    assert (failure.value.status_code, failure.value.type) == (status, kind)
    assert failure.value.error_code == "some_code"
    assert failure.value.request_id == failure.value.response.json()["request_id"]


def test_error_event_when_streamed_then_the_sdk_raises_with_200(
    anthropic_client: anthropic.Anthropic, emulators: Emulators
) -> None:
    emulators.add_fault("anthropic", kind="error_event", after=4, status=529)

    with (
        pytest.raises(anthropic.APIStatusError) as failure,
        anthropic_client.messages.stream(model=MODEL, max_tokens=50, messages=HELLO) as stream,
    ):
        stream.until_done()

    assert (failure.value.status_code, failure.value.type) == (200, "overloaded_error")
