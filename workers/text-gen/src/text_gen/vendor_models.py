"""The list of models: those of every provider that the deployment has a key for, in the caller's dialect."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from electrons.capabilities.text import TextProvider
from electrons.context import Context
from electrons.dialects.models import PAGE_LIMIT, build_page, describe_model, parse_models
from electrons.errors import ElectronsError, NotFoundError
from electrons.http import Response
from electrons.registry import resolve_model
from electrons.routing import Dialect
from electrons.storage.ledger import record_usage
from electrons.upstream.client import call_provider
from electrons.upstream.provider import ProviderRequest
from electrons.usage import Usage

CACHE_SECONDS = 3600
"""How old the list may be."""


async def list_models(context: Context, providers: Sequence[TextProvider]) -> Response:
    """Return all models. A provider that cannot be asked is left out; if none can, its error is raised."""
    dialect = context.dialect or "openai"
    configured = [provider for provider in providers if provider.is_configured(context.settings)]
    found = await asyncio.gather(*(_load(context, provider) for provider in configured), return_exceptions=True)
    models: list[dict[str, Any]] = []
    failures: list[BaseException] = []
    for provider, outcome in zip(configured, found, strict=True):
        if isinstance(outcome, BaseException):
            failures.append(outcome)
        else:
            models += [_describe(provider, model, dialect, providers) for model in outcome]
    for failure in failures:
        if not models or not isinstance(failure, ElectronsError):
            raise failure
        context.log.warning("models_left_out", request_id=context.request_id, error_code=failure.error_code)
    if dialect == "anthropic":
        return Response.json(build_page(models, context.request.query))
    return Response.json({"object": "list", "data": models})


async def get_model(context: Context, providers: Sequence[TextProvider]) -> Response:
    """Return one model. Raises `NotFoundError`, which names it."""
    wanted = unquote(context.path_parameters["model"])
    missing = NotFoundError(f"The model `{wanted}` does not exist", code="MODEL_NOT_FOUND")
    try:
        provider, name = resolve_model(wanted, providers)
        provider.check(context.settings)
    except ElectronsError as error:
        raise missing from error
    for model in await _load(context, provider):
        if model["id"] == name:
            described = describe_model(model, name=wanted, dialect=context.dialect or "openai", owner=provider.name)
            return Response.json(described)
    raise missing


def _describe(
    provider: TextProvider, model: dict[str, Any], dialect: Dialect, providers: Sequence[TextProvider]
) -> dict[str, Any]:
    """Return a model under its bare name if that means this provider."""
    name = model["id"]
    is_own = ":" not in name and resolve_model(name, providers)[0] is provider
    shown = name if is_own else f"{provider.name}:{name}"
    return describe_model(model, name=shown, dialect=dialect, owner=provider.name)


async def _load(context: Context, provider: TextProvider) -> list[dict[str, Any]]:
    api_key = provider.api_key(context.settings)
    # Another key is another account, with other models.
    key = f"models:{provider.name}:{hashlib.sha256(api_key.encode()).hexdigest()[:32]}"
    if (cached := await _read_cache(context, key)) is not None:
        return cached
    if context.usage is None:
        record_usage(context, Usage(provider=provider.name, model="models", unit="requests"))
    query = f"?limit={PAGE_LIMIT}" if provider.dialect == "anthropic" else ""
    request = ProviderRequest(path=provider.vendor_path("/v1/models") + query, method="GET")
    models = await call_provider(context, provider, request, parse_models)
    text = json.dumps(models, ensure_ascii=False)
    context.defer(lambda: context.bindings.cache.put(key, text, ttl_seconds=CACHE_SECONDS))
    return models


async def _read_cache(context: Context, key: str) -> list[dict[str, Any]] | None:
    try:
        text = await context.bindings.cache.get(key)
        return json.loads(text) if text else None
    except Exception as error:  # noqa: BLE001  # whatever is wrong with it, the provider can be asked
        context.log.warning("cache", request_id=context.request_id, error=str(error))
        return None
