"""Video rendering with any `RenderProvider`: one submission, and any number of lookups."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, Literal

from electrons.context import Context
from electrons.errors import (
    ProviderAuthError,
    ProviderError,
    ProviderQuotaError,
    ProviderRateLimitError,
    ProviderRejectedError,
)
from electrons.settings import Settings
from electrons.upstream.client import call_provider
from electrons.upstream.provider import Provider, ProviderRequest
from electrons.usage import Units

RenderStatus = Literal["queued", "fetching", "preprocessing", "rendering", "saving", "done", "failed"]

_REFUSALS = (ProviderAuthError, ProviderQuotaError, ProviderRateLimitError, ProviderRejectedError)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderProgress:
    """The progress of a render at the provider. The `url` of a `done` one works for a limited time, and may come late.

    `duration_seconds` is that of the finished video, `render_time_ms` the provider's working time. `callback` is the
    address at which the provider will announce the end, if it was given one.
    """

    status: RenderStatus
    error: str | None = None
    url: str | None = None
    duration_seconds: float | None = None
    render_time_ms: int | None = None
    callback: str | None = None


class RenderProvider(Provider):
    """A vendor that renders timelines. A render is submitted once and looked up until it is `done` or `failed`."""

    @abstractmethod
    def environment(self, settings: Settings) -> str:
        """Return which of the vendor's environments (a sandbox, production) the deployment uses."""

    @abstractmethod
    def build_submission(self, edit: dict[str, Any], *, environment: str) -> ProviderRequest:
        """Return the request that submits an edit; it is not `repeatable`."""

    @abstractmethod
    def parse_submission(self, document: dict[str, Any]) -> str:
        """Return the vendor's id of the render. Raises as `call_provider` expects of parsers."""

    @abstractmethod
    def parse_webhook(self, document: dict[str, Any]) -> str | None:
        """Return the vendor's id of the render that a webhook is about, None if it does not name one."""

    @abstractmethod
    def measure_edit(self, edit: dict[str, Any]) -> int:
        """Return how many seconds of video an edit makes, rounded up; an estimate where only the media tell."""

    @abstractmethod
    def build_lookup(self, render_id: str, *, environment: str, with_edit: bool = False) -> ProviderRequest:
        """Return the request for the progress of a render; `with_edit` asks for the submitted edit as well."""

    @abstractmethod
    def parse_lookup(self, document: dict[str, Any]) -> RenderProgress:
        """Return the progress. Raises as `call_provider` expects of parsers."""


async def submit_render(context: Context, provider: RenderProvider, edit: dict[str, Any]) -> str:
    """Submit an edit, never twice, and return the provider's id. Raises `ProviderError`.

    The render is charged when it is submitted, by the length that the edit says: it ends long after this request.
    """
    most = Units(0, provider.measure_edit(edit))
    request = replace(provider.build_submission(edit, environment=provider.environment(context.settings)), most=most)
    provider_id = await call_provider(context, provider, request, provider.parse_submission)
    if context.usage is not None:
        context.usage.output_units = most.output
    return provider_id


def is_refusal(error: ProviderError) -> bool:
    """Return whether a failed submission certainly started nothing; otherwise it may be rendering, and be paid for."""
    return not error.was_called or isinstance(error, _REFUSALS)


async def look_up_render(
    context: Context, provider: RenderProvider, provider_id: str, *, environment: str, with_edit: bool = False
) -> RenderProgress:
    """Return how far a render is. Raises `ProviderError`."""
    request = provider.build_lookup(provider_id, environment=environment, with_edit=with_edit)
    return await call_provider(context, provider, request, provider.parse_lookup)
