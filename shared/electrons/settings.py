"""Every var and secret of every worker, typed and read in one place.

`Settings.read(lookup)` takes the environment once per isolate; vars and secrets cannot change within one. A field's
upper-case name is the name of the var; `shared/README.md` has a table of them that a test compares with this class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Literal, get_args, get_type_hints

from electrons.errors import ConfigurationError
from electrons.ratelimit.headers import parse_policies


class Secret:
    """A text that never shows itself by accident. It is no `str`, so `json`, `join` and `+` cannot show it either."""

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        self._text = text

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def reveal(self) -> str:
        """The text itself, for the one header that needs it."""
        return self._text


NO_LIMITS = "none"
"""The `RATE_LIMIT_POLICY` of a deployment without limits."""

_SECRET_LENGTH = 12

NOT_SET = Secret()
"""A secret that the deployment does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The deployment's settings. A var that is absent or empty has its default here."""

    # Who may call
    auth_mode: Literal["required", "open"] = "required"
    key_cache_seconds: float = 30.0
    cors_origins: str = "*"

    # Limits of this deployment, in the syntax of the RateLimit-Policy header (ratelimit/headers.py)
    rate_limit_policy: str = '"requests";q=120;w=60, "tokens";q=400000;qu="tokens";w=60'
    rate_limit_failure: Literal["open", "closed"] = "open"
    rate_limit_timeout_seconds: float = 2.0

    # Calls to providers
    connect_timeout_seconds: float = 10.0
    first_byte_timeout_seconds: float = 120.0
    idle_timeout_seconds: float = 60.0
    total_timeout_seconds: float = 300.0
    max_retries: int = 2
    max_retry_delay_seconds: float = 20.0

    # Where the world sees this worker, for links to stored files; empty is where the request came in
    public_base_url: str = ""

    # text-gen
    default_model: str = "anthropic:claude-sonnet-4-6"

    # image-gen
    default_image_model: str = "ideogram:v3"
    max_image_bytes: int = 20_971_520

    # audio-gen
    default_voice_id: str = "21m00Tcm4TlvDq8ikWAM"
    default_speech_model: str = "eleven_multilingual_v2"
    voices_cache_seconds: int = 3600

    # render-service
    shotstack_env: Literal["stage", "v1"] = "stage"
    render_timeout_seconds: float = 1800.0
    render_poll_seconds: float = 1.0
    callback_signing_secret: Secret = NOT_SET
    callback_retry_seconds: float = 5.0
    callback_give_up_seconds: float = 86400.0
    allow_loopback_urls: Literal["true", "false"] = "false"

    # stock-media: how long pages of results are kept (0: not at all), and how many a filtered search looks through
    stock_cache_seconds: int = 86400
    stock_max_pages: int = 5

    # sandbox-executor: what it may touch, and the accounts that it does it with
    allowed_repositories: str = ""
    allowed_worker_prefixes: str = ""
    allow_workflow_files: Literal["true", "false"] = "false"
    github_pat: Secret = NOT_SET
    github_base_url: str = ""
    cloudflare_api_token: Secret = NOT_SET
    cloudflare_account_id: str = ""
    cloudflare_base_url: str = ""
    workers_dev_url: str = "https://{name}.{subdomain}.workers.dev"

    # sandbox-executor: where an execution ends
    default_code_model: str = "anthropic:claude-sonnet-4-6"
    execute_max_turns: int = 24
    execute_max_tokens: int = 400_000
    execute_max_seconds: float = 600.0
    execute_max_cost_usd: float = 2.0
    execute_max_repairs: int = 3

    # Providers
    anthropic_api_key: Secret = NOT_SET
    anthropic_base_url: str = ""
    openai_api_key: Secret = NOT_SET
    openai_base_url: str = ""
    elevenlabs_api_key: Secret = NOT_SET
    elevenlabs_base_url: str = ""
    pexels_api_key: Secret = NOT_SET
    pexels_base_url: str = ""
    ideogram_api_key: Secret = NOT_SET
    ideogram_base_url: str = ""
    shotstack_api_key: Secret = NOT_SET
    shotstack_base_url: str = ""

    # Logs: `json` is one object per line, `pretty` is for a terminal
    log_format: Literal["json", "pretty"] = "json"

    @classmethod
    def read(cls, lookup: Callable[[str], str | None]) -> Settings:
        """Reads each setting with `lookup(NAME)`. Raises `ConfigurationError` that names the var which is wrong."""
        types = get_type_hints(cls)
        values: dict[str, object] = {}
        for field in fields(cls):
            name = field.name.upper()
            text = lookup(name)
            if text is not None and text.strip():
                values[field.name] = _convert(name, text.strip(), types[field.name])
        _check_policy(str(values.get("rate_limit_policy", NO_LIMITS)))
        return cls(**values)  # type: ignore[arg-type]  # _convert gives each field its own type

    def get_text(self, name: str) -> str:
        """The text of a setting by the name of its var, for parts that are told theirs by name (a provider's key)."""
        value = getattr(self, name.lower())
        return value.reveal() if isinstance(value, Secret) else str(value)

    def hide_secrets(self, text: str) -> str:
        """`text` without this deployment's own secrets, wherever they may have come from.

        One of under a dozen characters is no secret anywhere but in a local run, and may stand in any text.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Secret) and len(value.reveal()) >= _SECRET_LENGTH:
                text = text.replace(value.reveal(), "***")
        return text


def _check_policy(text: str) -> None:
    if text == NO_LIMITS:
        return
    try:
        parse_policies(text)
    except ValueError as error:
        raise ConfigurationError(f"`RATE_LIMIT_POLICY`: {error}") from error


def _convert(name: str, text: str, kind: object) -> object:
    choices = get_args(kind)
    if choices:
        if text.lower() not in choices:
            raise ConfigurationError(f"`{name}` must be one of {', '.join(choices)}")
        return text.lower()
    if kind is Secret:
        return Secret(text)
    if kind is str:
        return text
    try:
        number = float(text)
    except ValueError:
        raise ConfigurationError(f"`{name}` must be a number") from None
    if not 0 <= number < float("inf"):
        raise ConfigurationError(f"`{name}` must be zero or more")
    if kind is float:
        return number
    if not number.is_integer():
        raise ConfigurationError(f"`{name}` must be a whole number")
    return int(number)
