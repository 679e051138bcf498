"""Other vendors and servers that speak OpenAI's chat completions: one row each.

A deployment adds rows of its own with the setting `PROVIDERS`, a JSON list of the same fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from electrons.errors import ConfigurationError
from electrons.http import HeaderPairs, parse_origin
from electrons.providers.openai.chat import OpenAICompatibleProvider
from electrons.settings import NOT_SET, Secret, Setting, Settings

ENDPOINTS_LIMIT = 50
"""Rows that a deployment may add."""


class Endpoint(BaseModel):
    """One row. `secret` is the name of the var or secret with the key; `needs_key` is false where none is needed.

    Without a `base_url`, the deployment has to set `<NAME>_BASE_URL`.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    title: Annotated[str, Field(max_length=64)] = ""
    base_url: Annotated[str, Field(max_length=512)] = ""
    secret: Annotated[str | None, Field(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")] = None
    needs_key: bool = True
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    has_responses: bool = False
    has_embeddings: bool = False
    reports_stream_usage: bool = True


class CompatibleProvider(OpenAICompatibleProvider):
    """The provider of one row."""

    needs_key: ClassVar[bool] = True

    def build_headers(self, api_key: str, request_id: str) -> HeaderPairs:
        """Return the bearer key, if there is one."""
        return super().build_headers(api_key, request_id) if api_key else []

    def is_configured(self, settings: Settings) -> bool:
        """Return whether the deployment has an address and, where one is needed, a key."""
        has_key = super().is_configured(settings) or not self.needs_key
        return has_key and bool(self.base_url or settings.get(self.base_url_setting))

    def missing_credentials(self) -> ConfigurationError:
        """Return the error for a deployment without the key, or without the address."""
        if self.base_url:
            return super().missing_credentials()
        key = f" and the secret `{self.credentials[0].name}`" if self.needs_key else ""
        return ConfigurationError(f"{self.title} is not configured: set `{self.base_url_setting.name}`{key}")


BUILT_IN = (
    # https://console.groq.com/docs/openai
    Endpoint(
        name="groq",
        title="Groq",
        base_url="https://api.groq.com/openai/v1",
        max_tokens_field="max_completion_tokens",
        has_responses=True,
    ),
    # https://openrouter.ai/docs/api-reference/overview
    Endpoint(name="openrouter", title="OpenRouter", base_url="https://openrouter.ai/api/v1", has_embeddings=True),
    # https://docs.together.ai/docs/openai-api-compatibility
    Endpoint(name="together", title="Together AI", base_url="https://api.together.xyz/v1", has_embeddings=True),
    # https://docs.mistral.ai/api
    Endpoint(name="mistral", title="Mistral AI", base_url="https://api.mistral.ai/v1", has_embeddings=True),
    # https://api-docs.deepseek.com
    Endpoint(name="deepseek", title="DeepSeek", base_url="https://api.deepseek.com/v1"),
    # https://ai.google.dev/gemini-api/docs/openai
    Endpoint(
        name="gemini",
        title="Gemini",
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        has_embeddings=True,
    ),
    # https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility: the address has the account's id
    Endpoint(name="workers-ai", title="Workers AI", has_embeddings=True),
    # https://docs.ollama.com/api/openai-compatibility
    Endpoint(name="ollama", title="Ollama", needs_key=False, has_embeddings=True),
    # https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
    Endpoint(name="vllm", title="vLLM", needs_key=False, has_embeddings=True),
)


def create_provider(endpoint: Endpoint) -> CompatibleProvider:
    """Return the provider of a row."""
    title = endpoint.title or endpoint.name
    attributes = {
        "__doc__": f"{title}, by the row of that name.",
        "title": title,
        **endpoint.model_dump(exclude={"title", "secret"}),
    }
    if endpoint.secret:
        setting = Setting(name=endpoint.secret, meaning=f"the API key for {title}", kind=Secret, default=NOT_SET)
        attributes["credentials"] = (setting,)
    kind = type("RowProvider", (CompatibleProvider,), attributes)
    return kind()  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def built_in_providers() -> tuple[CompatibleProvider, ...]:
    """Return the providers of the rows that every deployment has."""
    return tuple(create_provider(endpoint) for endpoint in BUILT_IN)


@lru_cache(maxsize=8)
def read_providers(text: str, taken: frozenset[str] = frozenset()) -> tuple[CompatibleProvider, ...]:
    """Return the providers in the setting `PROVIDERS`; `taken` are names that are not free.

    Raises `ConfigurationError` that names the row and what is wrong with it.
    """
    if not text.strip():
        return ()
    try:
        endpoints = _ROWS.validate_json(text)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise ConfigurationError(f"`PROVIDERS`: {place or 'the list'}: {problem['msg']}") from error
    names = [endpoint.name for endpoint in endpoints]
    for number, endpoint in enumerate(endpoints):
        if endpoint.name in taken or endpoint.name in names[:number]:
            raise ConfigurationError(f"`PROVIDERS`: {number}.name: `{endpoint.name}` is taken; choose another name")
        if endpoint.base_url and not _is_address(endpoint.base_url):
            raise ConfigurationError(
                f"`PROVIDERS`: {number}.base_url must be a URL that begins with https:// or http://"
            )
    return tuple(create_provider(endpoint) for endpoint in endpoints)


def _is_address(url: str) -> bool:
    origin = parse_origin(url)
    return origin is not None and origin.scheme in {"http", "https"}


_ROWS: TypeAdapter[Sequence[Endpoint]] = TypeAdapter(Annotated[list[Endpoint], Field(max_length=ENDPOINTS_LIMIT)])
