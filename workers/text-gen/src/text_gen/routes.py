"""The routes of text generation: the whole text at once, or piece by piece as server-sent events."""

import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from pydantic_core import to_json

from electrons.app import App, complete
from electrons.capabilities.json_output import ask_for_json, check_json, generate_json
from electrons.capabilities.text import (
    TextCall,
    TextMessage,
    TextProvider,
    TextResult,
    TextStream,
    estimate_input,
    generate_text,
    open_text_stream,
)
from electrons.context import Context
from electrons.errors import ProviderError
from electrons.fallbacks import call_first, name_models, start_usage
from electrons.http import Response, data_frame
from electrons.middleware.errors import describe
from electrons.registry import check_default, choose_model, resolve_model
from electrons.response_cache import cached
from electrons.routing import RouteDocs
from electrons.schedule import delete_rows
from electrons.upstream.prices import warn_without_price
from electrons.usage import Usage
from text_gen.models import TextMetadata, TextRequest, TextResponse
from text_gen.own_usage import UsageResponse, show_usage
from text_gen.providers import OPTIONAL, PROVIDERS, list_providers, read_added
from text_gen.settings import TextSettings
from text_gen.vendor_routes import add_vendor_routes

EXAMPLE = {"prompt": "Three titles for a film about lighthouses", "options": {"max_tokens": 200}}

app = App(
    "text-gen",
    scope="text",
    providers=PROVIDERS,
    settings=TextSettings,
    optional_providers=OPTIONAL,
    read_providers=read_added,
)
add_vendor_routes(app)


@app.on_schedule
async def delete_old_calls(context: Context) -> int:
    """Delete rows of the usage ledger after `USAGE_KEEP_DAYS`, those of all workers."""
    return await delete_rows(context, "usage", keep_days=context.settings.usage_keep_days)


def estimate(body: TextRequest) -> Mapping[str, int]:
    """Return the most that a call can use: its input, and all the output that it may ask for."""
    call = build_call(body, model="")
    tokens = estimate_input(call) + call.max_tokens
    # The repair reads everything and the first answer, and writes another one.
    return {"tokens": 2 * tokens + call.max_tokens if body.expect_json else tokens}


@app.post("/generate", body_limit=8 * 1024 * 1024, estimate=estimate, docs=RouteDocs(example=EXAMPLE))
async def generate(context: Context, body: TextRequest) -> TextResponse | Response:
    """Answer `POST /generate` with the text and its metadata."""

    async def call_model(model: str) -> TextResponse:
        provider, call, warnings = prepare(context, body, model)
        if body.expect_json:
            result = await generate_json(context, provider, call, body.json_schema)
        else:
            result = await generate_text(context, provider, call)
        return TextResponse(text=result.text, metadata=describe_result(provider, result, context, warnings))

    async def produce() -> Response:
        return complete(context, await call_first(context, list_models(context, body), call_model))

    return await use_cache(context, body, produce)


@app.post(
    "/generate/stream",
    body_limit=8 * 1024 * 1024,
    estimate=estimate,
    docs=RouteDocs(example=EXAMPLE, produces=("text/event-stream",)),
)
async def generate_stream(context: Context, body: TextRequest) -> Response:
    """Answer `POST /generate/stream` with frames of text, and a last one with `done`.

    A failure before the first piece of text is an ordinary error response; a later one is the last frame.
    """

    async def call_model(model: str) -> Response:
        provider, call, warnings = prepare(context, body, model)
        check = partial(check_json, schema=body.json_schema) if body.expect_json else None
        relay = await open_text_stream(
            context,
            provider,
            call,
            result=TextResult(model=call.model),
            watch=partial(FrameWriter, context, provider, warnings, check),
        )
        return Response.event_stream(relay)

    async def produce() -> Response:
        return await call_first(context, list_models(context, body), call_model)

    return await use_cache(context, body, produce)


@app.get("/v1/usage")
async def own_usage(context: Context) -> UsageResponse:
    """Return what the caller's key has used, its limits, and what is left of its budget."""
    return await show_usage(context)


async def use_cache(context: Context, body: TextRequest, produce: Callable[[], Awaitable[Response]]) -> Response:
    """Return a kept response to the same request, or a new one."""
    settings = context.settings_as(TextSettings)

    def read_content() -> bytes:
        document = body.model_dump(exclude={"instance_id", "project_id"})
        return json.dumps([document, settings.default_model], sort_keys=True).encode()

    return await cached(context, read_content, produce, default_seconds=settings.cache_ttl_seconds)


class FrameWriter:
    """Writes the frames of a stream of text (`upstream.relay.Watcher`). What comes together goes out together.

    `check` gets the result and the whole text at the end: what has been sent cannot be repaired.
    """

    reads = edits = True

    def __init__(
        self,
        context: Context,
        provider: TextProvider,
        warnings: list[str],
        check: Callable[[TextResult, str], object] | None,
        text: TextStream,
    ) -> None:
        self.is_over = False
        self._context = context
        self._provider = provider
        self._warnings = warnings
        self._check = check
        self._text = text
        self._pieces: list[str] = []

    def feed(self, piece: bytes) -> None:
        """See `Watcher.feed`."""

    def edit(self, piece: bytes) -> bytes:
        """Return the frames for the text in the next bytes."""
        pieces, request_id = self._text.feed(piece), self._context.request_id
        self.is_over = self._text.is_over
        if self._check is not None:
            self._pieces += pieces
        documents = [to_json({"text": text, "done": False, "request_id": request_id}) for text in pieces]
        return b"".join([b"data: %b\n\n" % document for document in documents])

    def end(self, error: ProviderError | None) -> bytes:
        """Return the last frames: what is left of the text, and the metadata or the error."""
        context, frames = self._context, b""
        try:
            if rest := self._text.finish(error):
                frames = build_frame(context, text=rest, done=False)
            if self._check is not None:
                self._check(self._text.result, "".join([*self._pieces, rest]))
            warnings = list(self._warnings)
            if context.usage is not None:
                warnings += warn_without_price(context.usage.checked(), context.settings.own_prices)
            metadata = describe_result(self._provider, self._text.result, context, [*warnings, *context.warnings])
            last = build_frame(context, text="", done=True, metadata=metadata.model_dump(exclude_none=True))
        except Exception as failure:  # noqa: BLE001  # the edge: the response has begun, so this is its only way out
            known = describe(failure, context)
            last = build_frame(context, error=known.message, error_code=known.error_code, done=True)
        return frames + last

    def leave(self) -> None:
        """See `Watcher.leave`."""
        self._text.leave()


def list_models(context: Context, body: TextRequest) -> tuple[str, ...]:
    """Return the model that is asked for, and its fallbacks."""
    providers = list_providers(context)
    wanted = body.model or body.options.model
    if not wanted:
        wanted = check_default("DEFAULT_MODEL", context.settings_as(TextSettings).default_model, providers)
    models = name_models(context, wanted, fallbacks=body.fallbacks)
    for name in models[1:]:
        resolve_model(name, providers)
    return models


def prepare(context: Context, body: TextRequest, name: str) -> tuple[TextProvider, TextCall, list[str]]:
    """Return the provider, its call and a warning for each option left out. From here on the call is counted."""
    provider, model = choose_model(context, name, list_providers(context))
    call = build_call(body, model=model)
    if body.expect_json:
        call = ask_for_json(provider, call, body.json_schema)
    call, warnings = provider.fit(call, explicit=frozenset(body.options.model_fields_set))
    start_usage(context, Usage(provider=provider.name, model=model))
    return provider, call, warnings


def build_call(body: TextRequest, *, model: str) -> TextCall:
    """Return the call of a request: the system prompt of the options comes before those of the messages."""
    options = body.options
    prompts = [options.system_prompt]
    messages = [TextMessage("user", body.prompt)] if body.prompt is not None else []
    for message in body.messages or ():
        if message.role == "system":
            prompts.append(message.content)
        else:
            messages.append(TextMessage(message.role, message.content))
    return TextCall(
        model=model,
        messages=tuple(messages),
        max_tokens=options.max_tokens,
        temperature=options.temperature,
        top_p=options.top_p,
        stop_sequences=tuple(options.stop_sequences or ()),
        system_prompt="\n\n".join(prompt for prompt in prompts if prompt) or None,
    )


def describe_result(provider: TextProvider, result: TextResult, context: Context, warnings: list[str]) -> TextMetadata:
    """Return the metadata of a response."""
    return TextMetadata(
        provider=provider.name,
        model=result.model,
        tokens_used=result.input_tokens + result.output_tokens,
        input_tokens=result.input_tokens,
        output_tokens=result.output_tokens,
        finish_reason=result.finish_reason or "stop",
        generation_time_ms=context.elapsed_ms(),
        warnings=[*warnings, *result.warnings] or None,
    )


def build_frame(context: Context, **fields: Any) -> bytes:
    """Return one server-sent event with the request's id in it."""
    return data_frame({**fields, "request_id": context.request_id}).encode()
