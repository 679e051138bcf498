"""Other models that answer when the one that is asked for cannot: only before the first byte of a response.

The caller names them in the request, or on any route in `X-DE-Fallbacks`; else the setting `FALLBACKS` has them. A
model with another one behind it is not retried: the next model is the retry. A request that the provider refuses is
refused by the next one as well, so it is not sent there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from electrons.context import Context
from electrons.dialects.requests import FALLBACKS_LIMIT
from electrons.errors import ConfigurationError, ElectronsError, ProviderError, ProviderRejectedError, RequestError
from electrons.storage.ledger import record_usage
from electrons.tracebacks import release_frames
from electrons.usage import Usage

T = TypeVar("T")

_HEADER = "X-DE-Fallbacks"


def name_models(context: Context, model: str, *, fallbacks: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the model and those behind it, each once. Raises `RequestError` for too many."""
    names = list(fallbacks or ())
    if not names:
        text = context.request.headers.get(_HEADER) or context.settings.fallbacks
        names = [name for part in text.split(",") if (name := part.strip())] if text else []
    if len(names) > FALLBACKS_LIMIT:
        raise RequestError(f"Name at most {FALLBACKS_LIMIT} fallbacks", details={"limit": FALLBACKS_LIMIT})
    return tuple(dict.fromkeys((model, *names)))


async def call_first(context: Context, models: Sequence[str], call: Callable[[str], Awaitable[T]]) -> T:
    """Return the result of the first model that does not fail. Raises the last provider's error.

    A model behind the first that cannot do what was asked for, a format or a length, is passed over.
    """
    failure: ElectronsError | None = None
    for number, model in enumerate(models):
        is_last = number == len(models) - 1
        context.max_retries = None if is_last else 0
        attempts = context.attempts
        try:
            return await call(model)
        except (ProviderError, ConfigurationError, RequestError) as error:
            if failure is None or not isinstance(error, RequestError):
                failure = error
            if is_last or not _may_go_on(error, is_first=number == 0):
                if failure is error:
                    raise  # with itself as its cause it would be a circle
                raise failure from error
            release_frames(failure)
            if context.attempts > attempts and isinstance(error, ProviderError):
                context.has_spent |= error.may_be_paid
            context.log.warning(
                "fallback", request_id=context.request_id, error_code=error.error_code, attempts=context.attempts
            )
    raise AssertionError("there is no model")


def _may_go_on(error: ElectronsError, *, is_first: bool) -> bool:
    if isinstance(error, RequestError):
        return not is_first
    if isinstance(error, ProviderRejectedError):
        return error.upstream_status == 404
    # What was made, or may have been, would be paid for twice.
    details = error.details or {}
    return not details.get("paid") and details.get("outcome") != "unknown"


def start_usage(context: Context, usage: Usage) -> Usage:
    """Start to count a call, and return what is to be filled in. A call that used nothing gives its row to the next."""
    started = context.usage
    if started is None or started.total_units:
        record_usage(context, usage)
        return usage
    started.provider, started.model, started.unit, started.grade = usage.provider, usage.model, usage.unit, usage.grade
    started.input_units, started.output_units = usage.input_units, usage.output_units
    started.tokens = usage.tokens
    return started
