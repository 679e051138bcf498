"""Renders: one submission, and any number of questions about it."""

from __future__ import annotations

from typing import Any

from electrons.context import Context
from electrons.errors import (
    ProviderAuthError,
    ProviderError,
    ProviderQuotaError,
    ProviderRateLimitError,
    ProviderRejectedError,
)
from electrons.providers.shotstack import RenderState, ShotstackProvider
from electrons.providers.transport import call_json, unreadable

_UNEXPECTED = (AttributeError, LookupError, TypeError, ValueError)

_REFUSALS = (ProviderAuthError, ProviderQuotaError, ProviderRateLimitError, ProviderRejectedError)


async def submit_render(context: Context, provider: ShotstackProvider, edit: dict[str, Any]) -> str:
    """Submits an edit, never twice, and gives the provider's id. Raises `ProviderError` and what derives from it."""
    request = provider.build_submission(edit, environment=context.settings.shotstack_env)
    document = await call_json(context, provider, request)
    try:
        return provider.parse_submission(document)
    except _UNEXPECTED as error:
        raise unreadable(provider) from error


def is_refusal(error: ProviderError) -> bool:
    """Whether a failed submission certainly began nothing; otherwise it may be rendering, and be paid for."""
    return isinstance(error, _REFUSALS)


async def look_up_render(
    context: Context, provider: ShotstackProvider, provider_id: str, *, environment: str, with_edit: bool = False
) -> RenderState:
    """How far a render is. Raises `ProviderError` and what derives from it."""
    document = await call_json(
        context, provider, provider.build_lookup(provider_id, environment=environment, with_edit=with_edit)
    )
    try:
        return provider.parse_lookup(document)
    except _UNEXPECTED as error:
        raise unreadable(provider) from error
