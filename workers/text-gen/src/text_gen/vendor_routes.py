"""The routes of OpenAI's and Anthropic's own APIs, so that their clients work with only their base URL changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from electrons.app import App
from electrons.capabilities.text import TextProvider
from electrons.context import Context
from electrons.dialects.requests import VendorRequest
from electrons.errors import RequestError, UnknownProviderError
from electrons.http import Response
from electrons.registry import choose_model
from electrons.storage.ledger import record_usage
from electrons.usage import Usage
from text_gen.passing import PassedCall, pass_on
from text_gen.vendor_models import get_model, list_models

BODY_LIMIT = 8 * 1024 * 1024

_FINE_TUNED = "ft:"


def estimate(body: VendorRequest) -> Mapping[str, int]:
    """Return the most that a call can use: its input, and all the output that it may ask for."""
    return {"tokens": body.estimate_input() + body.estimate_output()}


def estimate_input(body: VendorRequest) -> Mapping[str, int]:
    """Return what a call without a text for an answer can use."""
    return {"tokens": body.estimate_input()}


def add_vendor_routes(app: App, providers: Sequence[TextProvider]) -> None:
    """Register the routes."""

    @app.post("/v1/chat/completions", dialect="openai", body_limit=BODY_LIMIT, estimate=estimate)
    async def chat_completions(context: Context, body: VendorRequest) -> Response:
        """`POST /v1/chat/completions`: OpenAI's chat completions with any model."""
        return await pass_on(context, choose(context, body, providers), body)

    @app.post("/v1/messages", dialect="anthropic", body_limit=BODY_LIMIT, estimate=estimate)
    async def messages(context: Context, body: VendorRequest) -> Response:
        """`POST /v1/messages`: Anthropic's messages with any model."""
        return await pass_on(context, choose(context, body, providers), body)

    @app.post("/v1/messages/count_tokens", dialect="anthropic", body_limit=BODY_LIMIT)
    async def count_tokens(context: Context, body: VendorRequest) -> Response:
        """`POST /v1/messages/count_tokens`: the input tokens of a message; an estimate for other vendors' models."""
        call = choose(context, body, providers)
        if call.provider.dialect == "anthropic":
            return await pass_on(context, call, body)
        record_usage(context, Usage(provider=call.provider.name, model=call.model, unit="requests", input_units=1))
        return Response.json({"input_tokens": body.estimate_input()})

    @app.post("/v1/responses", dialect="openai", body_limit=BODY_LIMIT, estimate=estimate)
    async def responses(context: Context, body: VendorRequest) -> Response:
        """`POST /v1/responses`: OpenAI's Responses with any model."""
        return await pass_on(context, choose(context, body, providers), body)

    @app.post("/v1/embeddings", dialect="openai", body_limit=BODY_LIMIT, estimate=estimate_input)
    async def embeddings(context: Context, body: VendorRequest) -> Response:
        """`POST /v1/embeddings`: OpenAI's embeddings."""
        call = choose(context, body, providers)
        if not call.provider.has_embeddings:
            raise RequestError(
                f"{call.provider.title} has no embeddings; use a model of another provider",
                details={"fields": [{"field": "model", "message": "has no embeddings"}]},
            )
        return await pass_on(context, call, body)

    @app.get("/v1/models", dialect="by_header")
    async def models(context: Context) -> Response:
        """`GET /v1/models`: the models of all providers, in the format of the caller's client."""
        return await list_models(context, providers)

    @app.get("/v1/models/{model}", dialect="by_header")
    async def model(context: Context) -> Response:
        """`GET /v1/models/{model}`: one model, by its bare name or as `provider:name`."""
        return await get_model(context, providers)


def choose(context: Context, body: VendorRequest, providers: Sequence[TextProvider]) -> PassedCall:
    """Return the call of the model that the body names. Raises `UnknownProviderError` and `ConfigurationError`."""
    name = f"openai:{body.model}" if body.model.lower().startswith(_FINE_TUNED) else body.model
    try:
        provider, model = choose_model(context, name, providers)
    except UnknownProviderError as error:
        message = f"The model `{body.model}` does not exist: {error.message[:1].lower()}{error.message[1:]}"
        raise UnknownProviderError(message, details=error.details) from error
    return PassedCall(provider=provider, model=model, path=context.route.path)
