"""The routes of OpenAI's and Anthropic's own APIs, so that their clients work with only their base URL changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from electrons.app import App
from electrons.context import Context
from electrons.dialects.requests import ChatRequest, VendorRequest
from electrons.dialects.translation import TRANSLATIONS
from electrons.errors import RequestError
from electrons.fallbacks import call_first, name_models
from electrons.http import Response
from electrons.registry import choose_vendor_model, resolve_model
from electrons.response_cache import cached
from electrons.routing import RouteDocs
from electrons.storage.ledger import record_usage
from electrons.usage import Usage
from text_gen.passing import PassedCall, pass_on
from text_gen.providers import list_providers
from text_gen.settings import TextSettings
from text_gen.translating import translate
from text_gen.vendor_models import get_model, list_models

BODY_LIMIT = 8 * 1024 * 1024

_MESSAGES = [{"role": "user", "content": "Three titles for a film about lighthouses"}]
CHAT_EXAMPLE = {"model": "gpt-4o-mini", "messages": _MESSAGES}
MESSAGES_EXAMPLE = {"model": "claude-sonnet-4-6", "max_tokens": 200, "messages": _MESSAGES}
COUNT_EXAMPLE = {"model": "claude-sonnet-4-6", "messages": _MESSAGES}
RESPONSES_EXAMPLE = {"model": "gpt-4o-mini", "input": "Three titles for a film about lighthouses"}
EMBEDDINGS_EXAMPLE = {"model": "text-embedding-3-small", "input": "lighthouse"}


def estimate(body: VendorRequest) -> Mapping[str, int]:
    """Return the most that a call can use: its input, and all the output that it may ask for."""
    return {"tokens": body.estimate_input() + body.estimate_output()}


def estimate_input(body: VendorRequest) -> Mapping[str, int]:
    """Return what a call without a text for an answer can use."""
    return {"tokens": body.estimate_input()}


def add_vendor_routes(app: App) -> None:
    """Register the routes."""

    @app.post(
        "/v1/chat/completions",
        dialect="openai",
        body_limit=BODY_LIMIT,
        estimate=estimate,
        docs=RouteDocs(example=CHAT_EXAMPLE, produces=("application/json", "text/event-stream")),
    )
    async def chat_completions(context: Context, body: ChatRequest) -> Response:
        """`POST /v1/chat/completions`: OpenAI's chat completions with any model.

        For models of Anthropic the request, the response and the stream are translated. A field without a counterpart
        is refused by its name, or left out and named in `X-DE-Warnings` where it is only a hint.
        """
        return await answer(context, body, fallbacks=body.fallbacks)

    @app.post(
        "/v1/messages",
        dialect="anthropic",
        body_limit=BODY_LIMIT,
        estimate=estimate,
        docs=RouteDocs(example=MESSAGES_EXAMPLE, produces=("application/json", "text/event-stream")),
    )
    async def messages(context: Context, body: VendorRequest) -> Response:
        """`POST /v1/messages`: Anthropic's messages with any model.

        For models of OpenAI and of compatible servers the request, the response and the stream are translated. A field
        without a counterpart is refused by its name, or left out and named in `X-DE-Warnings` where it is only a hint.
        """
        return await answer(context, body)

    @app.post(
        "/v1/messages/count_tokens",
        dialect="anthropic",
        body_limit=BODY_LIMIT,
        docs=RouteDocs(example=COUNT_EXAMPLE),
    )
    async def count_tokens(context: Context, body: VendorRequest) -> Response:
        """`POST /v1/messages/count_tokens`: the input tokens of a message; an estimate for other vendors' models."""
        call = choose(context, body.model)
        if call.provider.dialect == "anthropic":
            return await pass_on(context, call, body)
        record_usage(context, Usage(provider=call.provider.name, model=call.model, unit="requests"))
        response = Response.json({"input_tokens": body.estimate_input()})
        response.headers.append(("X-DE-Warnings", "input_tokens is an estimate"))
        return response

    @app.post(
        "/v1/responses",
        dialect="openai",
        body_limit=BODY_LIMIT,
        estimate=estimate,
        docs=RouteDocs(example=RESPONSES_EXAMPLE, produces=("application/json", "text/event-stream")),
    )
    async def responses(context: Context, body: VendorRequest) -> Response:
        """`POST /v1/responses`: OpenAI's Responses with any model; only OpenAI stores them."""
        return await answer(context, body)

    @app.post(
        "/v1/embeddings",
        dialect="openai",
        body_limit=BODY_LIMIT,
        estimate=estimate_input,
        docs=RouteDocs(example=EMBEDDINGS_EXAMPLE),
    )
    async def embeddings(context: Context, body: VendorRequest) -> Response:
        """`POST /v1/embeddings`: OpenAI's embeddings."""
        return await answer(context, body)

    @app.get("/v1/models", dialect="by_header")
    async def models(context: Context) -> Response:
        """`GET /v1/models`: the models of all providers, in the format of the caller's client."""
        return await list_models(context, list_providers(context))

    @app.get("/v1/models/{model}", dialect="by_header")
    async def model(context: Context) -> Response:
        """`GET /v1/models/{model}`: one model, by its bare name or as `provider:name`."""
        return await get_model(context, list_providers(context))


def choose(context: Context, model: str) -> PassedCall:
    """Return the call of a model. Raises `UnknownProviderError` and `ConfigurationError`."""
    provider, name = choose_vendor_model(context, model, list_providers(context))
    return PassedCall(provider=provider, model=name, path=context.route.path)


async def answer(context: Context, body: VendorRequest, *, fallbacks: Sequence[str] | None = None) -> Response:
    """Return the response of the model that the body names, or of one behind it."""
    models = name_models(context, body.model, fallbacks=fallbacks)
    for name in models[1:]:
        resolve_model(name, list_providers(context))

    async def call_model(model: str) -> Response:
        call, is_last = choose(context, model), model == models[-1]
        if call.path == "/v1/embeddings" and not call.provider.has_embeddings:
            message = f"{call.provider.title} has no embeddings; use a model of another provider"
            raise RequestError.for_field("model", message)
        has_route = call.provider.has_responses or call.path != "/v1/responses"
        if call.provider.dialect == context.dialect and has_route:
            return await pass_on(context, call, body, is_last=is_last)
        translation = TRANSLATIONS[call.path, call.provider.dialect]
        return await translate(context, call.provider, call.model, body, translation, is_last=is_last)

    async def produce() -> Response:
        return await call_first(context, models, call_model)

    seconds = context.settings_as(TextSettings).cache_ttl_seconds
    return await cached(context, lambda: body.content, produce, default_seconds=seconds)
