"""`POST /generate`: what reaches the provider, and what comes back."""

from typing import Any

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.shapes import success_of

BOTH = pytest.mark.parametrize("model", ["anthropic:claude-sonnet-4-6", "openai:gpt-4o"], ids=["anthropic", "openai"])
TOKENS = {"anthropic": "max_tokens", "openai": "max_completion_tokens"}
STOP = {"anthropic": "stop_sequences", "openai": "stop"}


def ask(platform: Platform, emulators: Emulators, model: str, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the response, and the body that the provider received."""
    body = {"prompt": "Hello there", "model": model, "options": options}
    answer = success_of(platform.client("text-gen").post("/generate", json=body))
    (call,) = emulators.requests(model.partition(":")[0])
    return answer, call["body"]


@BOTH
def test_generate_returns_text_and_all_metadata(platform: Platform, emulators: Emulators, model: str) -> None:
    answer, _ = ask(platform, emulators, model)

    assert answer.keys() == {"success", "text", "metadata", "request_id", "timestamp"}
    assert "You wrote “Hello there”" in answer["text"]
    metadata = answer["metadata"]
    assert metadata.keys() == {
        "provider",
        "model",
        "tokens_used",
        "input_tokens",
        "output_tokens",
        "finish_reason",
        "generation_time_ms",
    }
    assert metadata["tokens_used"] == metadata["input_tokens"] + metadata["output_tokens"]
    assert metadata["input_tokens"] > 0
    assert metadata["output_tokens"] == -(-len(answer["text"]) // 4)
    assert metadata["finish_reason"] == "stop"
    assert isinstance(metadata["generation_time_ms"], int)


@BOTH
def test_documented_defaults_are_sent(platform: Platform, emulators: Emulators, model: str) -> None:
    _, sent = ask(platform, emulators, model)

    assert sent["temperature"] == 0.7
    assert sent[TOKENS[model.partition(":")[0]]] == 2000
    assert not {"top_p", "stop", "stop_sequences", "system", "stream"} & sent.keys()
    assert sent["messages"] == [{"role": "user", "content": "Hello there"}]


@BOTH
@pytest.mark.parametrize("zero", [0, 0.0])
def test_temperature_zero_reaches_the_provider(
    platform: Platform, emulators: Emulators, model: str, zero: float
) -> None:
    _, sent = ask(platform, emulators, model, temperature=zero)

    assert sent["temperature"] == 0


def test_top_p_zero_reaches_the_provider(platform: Platform, emulators: Emulators) -> None:
    _, sent = ask(platform, emulators, "openai:gpt-4o", top_p=0)

    assert sent["top_p"] == 0
    assert sent["temperature"] == 0.7


@BOTH
def test_reached_max_tokens_finish_with_length(platform: Platform, emulators: Emulators, model: str) -> None:
    answer, sent = ask(platform, emulators, model, max_tokens=5)

    assert sent[TOKENS[model.partition(":")[0]]] == 5
    assert len(answer["text"]) == 20
    assert answer["metadata"]["output_tokens"] == 5
    assert answer["metadata"]["finish_reason"] == "length"


@BOTH
def test_text_ends_before_a_stop_sequence(platform: Platform, emulators: Emulators, model: str) -> None:
    answer, sent = ask(platform, emulators, model, stop_sequences=["wrote", "never"])

    assert sent[STOP[model.partition(":")[0]]] == ["wrote", "never"]
    assert answer["text"].endswith("You ")
    assert answer["metadata"]["finish_reason"] == "stop"


@pytest.mark.parametrize("options", [{"stop_sequences": []}, {"stop_sequences": None, "top_p": None}])
@BOTH
def test_empty_or_null_options_are_not_sent(
    platform: Platform, emulators: Emulators, model: str, options: dict[str, Any]
) -> None:
    _, sent = ask(platform, emulators, model, **options)

    assert not {"top_p", "stop", "stop_sequences"} & sent.keys()


def test_system_prompt_reaches_each_provider_its_way(platform: Platform, emulators: Emulators) -> None:
    _, to_anthropic = ask(platform, emulators, "anthropic:claude-sonnet-4-6", system_prompt="Be brief")
    _, to_openai = ask(platform, emulators, "openai:gpt-4o", system_prompt="Be brief")

    assert to_anthropic["system"] == "Be brief"
    assert [message["role"] for message in to_anthropic["messages"]] == ["user"]
    assert to_openai["messages"][0] == {"role": "system", "content": "Be brief"}
    assert to_openai["messages"][1]["role"] == "user"


@BOTH
def test_prompt_keeps_every_kind_of_character(platform: Platform, emulators: Emulators, model: str) -> None:
    prompt = 'naïve 好的 🚀 "quoted" \\ \u2028 \u0000 end'

    platform.client("text-gen").post("/generate", json={"prompt": prompt, "model": model})

    (call,) = emulators.requests(model.partition(":")[0])
    assert call["body"]["messages"][-1]["content"] == prompt


@BOTH
def test_call_has_the_vendors_headers(platform: Platform, emulators: Emulators, model: str) -> None:
    ask(platform, emulators, model)

    (call,) = emulators.requests(model.partition(":")[0])
    headers = call["headers"]
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("distributed-electrons/")
    if model.startswith("anthropic"):
        assert headers["anthropic-version"] == "2023-06-01"
        assert "x-api-key" in headers
        assert "authorization" not in headers
    else:
        assert "authorization" in headers


def test_callers_credentials_never_reach_the_provider(platform: Platform, emulators: Emulators) -> None:
    headers = {"Cookie": "session=mine", "Authorization": "Bearer mine", "X-Forwarded-For": "192.0.2.1"}

    platform.client("text-gen").post("/generate", json={"prompt": "Hello"}, headers=headers)

    (call,) = emulators.requests("anthropic")
    assert not {"cookie", "authorization", "x-forwarded-for"} & call["headers"].keys()


@BOTH
def test_conversation_reaches_the_provider(platform: Platform, emulators: Emulators, model: str) -> None:
    said = [{"role": "user", "content": "Name a river"}, {"role": "assistant", "content": "The Nile"}]
    messages = [{"role": "system", "content": "Be brief"}, *said, {"role": "user", "content": "How long is it?"}]

    answer = platform.client("text-gen").post("/generate", json={"messages": messages, "model": model})

    assert success_of(answer)["text"]
    (call,) = emulators.requests(model.partition(":")[0])
    assert call["body"]["messages"] == (messages[1:] if model.startswith("anthropic") else messages)
    assert call["body"].get("system", "Be brief") == "Be brief"
