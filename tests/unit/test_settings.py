"""How vars and secrets are read."""

import json
from typing import get_type_hints

import pytest

from electrons.errors import ConfigurationError
from electrons.providers.anthropic import AnthropicProvider
from electrons.registry import find_providers
from electrons.settings import NOT_SET, Secret, Settings
from electrons.upstream.provider import Provider
from tests.apps import settings_classes

(API_KEY,) = AnthropicProvider.credentials


def read(**environment: str) -> Settings:
    return Settings.read(environment.get, declared=AnthropicProvider.declared_settings())


def test_read_when_nothing_is_set_then_defaults() -> None:
    assert read() == Settings()


def test_read_when_set_then_each_kind_is_typed() -> None:
    settings = read(
        AUTH_MODE=" Open ",
        CORS_ORIGINS="https://app.example",
        MAX_RETRIES="0",
        TOTAL_TIMEOUT_SECONDS="1.5",
        ANTHROPIC_API_KEY=" sk-ant-1 ",
    )

    assert settings.auth_mode == "open"
    assert settings.cors_origins == "https://app.example"
    assert settings.max_retries == 0
    assert settings.total_timeout_seconds == 1.5
    assert settings.get(API_KEY) == "sk-ant-1"


def test_read_when_blank_then_default() -> None:
    assert read(MAX_RETRIES="  ", ANTHROPIC_API_KEY="", PUBLIC_BASE_URL="") == Settings()


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("AUTH_MODE", "maybe", "`AUTH_MODE` must be one of required, open"),
        ("MAX_RETRIES", "some", "`MAX_RETRIES` must be a number"),
        ("MAX_RETRIES", "1.5", "`MAX_RETRIES` must be a whole number"),
        ("MAX_RETRIES", "-1", "`MAX_RETRIES` must be zero or more"),
        ("TOTAL_TIMEOUT_SECONDS", "soon", "`TOTAL_TIMEOUT_SECONDS` must be a number"),
        ("TOTAL_TIMEOUT_SECONDS", "nan", "`TOTAL_TIMEOUT_SECONDS` must be zero or more"),
        ("TOTAL_TIMEOUT_SECONDS", "inf", "`TOTAL_TIMEOUT_SECONDS` must be zero or more"),
        ("RATE_LIMIT_POLICY", "100/min", "`RATE_LIMIT_POLICY`: not a quota policy"),
        ("PRICES", '{"elevenlabs:*": {"credits": 1}}', "`PRICES`: elevenlabs:"),
    ],
)
def test_read_when_value_is_wrong_then_error_names_the_var(name: str, value: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(**{name: value})

    assert caught.value.message.startswith(problem)


def test_types_when_listed_then_only_secrets_are_secret() -> None:
    for kind in settings_classes():
        types = get_type_hints(kind)
        for name in kind.names():
            assert (types[name] is Secret) == name.endswith(("_key", "_token", "_secret", "_pat"))
    for provider in find_providers(Provider):
        for setting in provider.declared_settings():
            assert setting.is_secret == setting.name.endswith(("_KEY", "_TOKEN", "_SECRET", "_PAT"))


def test_secret_when_shown_in_any_way_then_masked() -> None:
    settings = read(ANTHROPIC_API_KEY="sk-ant-hidden")
    secret = settings.declared["ANTHROPIC_API_KEY"]

    shown = [repr(settings), repr(secret), str(secret), f"{secret}", f"{secret!r}", "%s" % secret]  # noqa: UP031
    shown.append(json.dumps({"secret": secret}, default=str))

    assert not [text for text in shown if "hidden" in text]
    with pytest.raises(TypeError):
        json.dumps({"secret": secret})


def test_get_when_declared_then_its_text() -> None:
    settings = read(ANTHROPIC_API_KEY="sk-ant-1", ANTHROPIC_BASE_URL="http://127.0.0.1:1")

    assert settings.get(API_KEY) == "sk-ant-1"
    assert settings.get(AnthropicProvider.base_url_setting) == "http://127.0.0.1:1"
    assert read().get(API_KEY) == NOT_SET.reveal() == ""
