"""Every var and secret of the platform, typed and read in one place.

`Settings` has what more than one worker needs. A worker with settings of its own derives a class from it and names that
class in its `App`; a provider declares its own as `Setting`s (`upstream/provider.py`). A field's upper-case name is the
name of the var. A test compares the tables in the READMEs with these declarations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Literal, Self, get_args, get_type_hints

from electrons.errors import ConfigurationError
from electrons.money import Budget, parse_provider_budgets, parse_usd
from electrons.pricing import OwnPrices, parse_prices
from electrons.ratelimit.headers import parse_policies


class Secret:
    """A string that is never shown by accident. It is not a `str`, so `json`, `join` and `+` cannot show it."""

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        self._text = text

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def reveal(self) -> str:
        """Return the string itself, for the one header that needs it."""
        return self._text


NO_LIMITS = "none"
"""The `RATE_LIMIT_POLICY` of a deployment without limits."""

_SECRET_LENGTH = 12

NOT_SET = Secret()
"""A secret that the deployment does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A var or secret that a provider declares. `kind` is a type as in the fields of `Settings`."""

    name: str
    meaning: str
    kind: Any = str
    default: str | Secret = ""

    @property
    def is_secret(self) -> bool:
        """Whether the value must never be shown."""
        return self.kind is Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a deployment. A var that is absent or empty has its default here.

    `declared` holds the settings of providers by the names of their vars.
    """

    # Who may call
    auth_mode: Literal["required", "open"] = "required"
    key_cache_seconds: float = 30.0
    cors_origins: str = "*"

    # `true` on the owner's machine, where there are provider keys and no callers' keys (middleware/origin.py)
    local_run: Literal["true", "false"] = "false"

    # How long a request's body may take to arrive
    body_timeout_seconds: float = 60.0

    # Limits of this deployment, in the syntax of the RateLimit-Policy header (ratelimit/headers.py)
    rate_limit_policy: str = '"requests";q=120;w=60, "tokens";q=400000;qu="tokens";w=60'
    rate_limit_failure: Literal["open", "closed"] = "open"
    rate_limit_timeout_seconds: float = 2.0
    rate_limit_lease_seconds: float = 1.0

    # US dollars that this deployment may spend, and that it may spend with each provider (money.py)
    budget_per_day: str = ""
    budget_per_month: str = ""
    provider_budgets: str = ""

    # What models cost this deployment, where the price list does not know it: a JSON object (pricing.py)
    prices: str = ""

    # Calls to providers
    connect_timeout_seconds: float = 10.0
    first_byte_timeout_seconds: float = 120.0
    idle_timeout_seconds: float = 60.0
    total_timeout_seconds: float = 300.0
    max_retries: int = 2
    max_retry_delay_seconds: float = 20.0

    # After so many failures in a row nobody calls a model for so long; 0 failures switches that off
    circuit_failures: int = 10
    circuit_open_seconds: float = 15.0

    # How long an account whose quota is used up is not called, unless the provider says when it is renewed
    quota_pause_seconds: float = 300.0

    # The models that answer when the one that is asked for cannot, separated by commas
    fallbacks: str = ""

    # For providers whose base URL leads through Cloudflare's AI Gateway, if that is authenticated
    ai_gateway_token: Secret = NOT_SET

    # Where callers see this worker, for links to stored files; empty means where the request came in
    public_base_url: str = ""

    # Logs: `json` is one object per line, `pretty` is for a terminal
    log_format: Literal["json", "pretty"] = "json"

    # After how many days the Cron Trigger deletes rows of the usage ledger, stored files, and records of what was done
    # (renders, executions, commits); 0 keeps them
    usage_keep_days: float = 0.0
    media_keep_days: float = 0.0
    records_keep_days: float = 0.0

    # What is deployed, for GET /health; `npm run deploy` sets it
    deployed_commit: str = ""

    declared: Mapping[str, str | Secret] = field(default_factory=dict)

    @classmethod
    def read(cls, lookup: Callable[[str], str | None], *, declared: Iterable[Setting] = ()) -> Self:
        """Read each setting with `lookup(NAME)`. Raises `ConfigurationError`, which names the var that is wrong."""

        def find(name: str, kind: Any) -> Any:
            text = (lookup(name) or "").strip()
            return _convert(name, text, kind) if text else None

        types = get_type_hints(cls)
        found = {name: find(name.upper(), types[name]) for name in cls.names()}
        values = {name: value for name, value in found.items() if value is not None}
        _check_policy(str(values.get("rate_limit_policy", NO_LIMITS)))
        _check_money(values)
        found = {setting.name: find(setting.name, setting.kind) for setting in declared}
        values["declared"] = {name: value for name, value in found.items() if value is not None}
        return cls(**values)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the fields that are vars or secrets."""
        return tuple(field.name for field in fields(cls) if field.default is not MISSING)

    @property
    def deployment_budget(self) -> Budget:
        """Return what `BUDGET_PER_DAY` and `BUDGET_PER_MONTH` allow."""
        day, month = (parse_usd(text) if text else None for text in (self.budget_per_day, self.budget_per_month))
        return Budget(day=day, month=month)

    @property
    def own_prices(self) -> OwnPrices:
        """Return what `PRICES` states."""
        return parse_prices(self.prices)

    @property
    def is_local_run(self) -> bool:
        """Return whether this is a run on the owner's machine and not a deployment."""
        return self.local_run == "true"

    @property
    def listed_origins(self) -> frozenset[str]:
        """Return the origins that `CORS_ORIGINS` names; none for `*`."""
        return frozenset(text.strip() for text in self.cors_origins.split(",")) - {"*", ""}

    def get(self, setting: Setting) -> str:
        """Return the value of a declared setting, or its default, as a string."""
        value = self.declared.get(setting.name, setting.default)
        return value.reveal() if isinstance(value, Secret) else value

    def hide_secrets(self, text: str) -> str:
        """Replace this deployment's own secrets in `text` by `***`, whatever their source.

        A value of under a dozen characters is used in local runs only, and can occur in any text.
        """
        values = [*self.declared.values(), *(getattr(self, name) for name in self.names())]
        for value in values:
            if isinstance(value, Secret):
                # A secret may hold several keys.
                for part in (value.reveal(), *value.reveal().split(",")):
                    if len(part.strip()) >= _SECRET_LENGTH:
                        text = text.replace(part.strip(), "***")
        return text


def _check_policy(text: str) -> None:
    if text == NO_LIMITS:
        return
    try:
        parse_policies(text)
    except ValueError as error:
        raise ConfigurationError(f"`RATE_LIMIT_POLICY`: {error}") from error


def _check_money(values: Mapping[str, Any]) -> None:
    checks: dict[str, Callable[[str], object]] = {
        "budget_per_day": parse_usd,
        "budget_per_month": parse_usd,
        "provider_budgets": parse_provider_budgets,
        "prices": parse_prices,
    }
    for name, check in checks.items():
        if text := values.get(name):
            try:
                check(text)
            except ValueError as error:
                raise ConfigurationError(f"`{name.upper()}`: {error}") from error


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
