"""Text generation: the whole text at once, or piece by piece as server-sent events."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from electrons.app import App
from electrons.capabilities.text import TextCall, TextProvider, TextResult, estimate_tokens, generate_text, stream_text
from electrons.context import Context
from electrons.http import Response, data_frame
from electrons.middleware.errors import describe
from electrons.registry import choose_model, find_providers
from electrons.storage.ledger import record_usage
from electrons.usage import Usage
from text_gen.models import TextMetadata, TextRequest, TextResponse
from text_gen.settings import TextSettings

PROVIDERS = find_providers(TextProvider)

app = App("text-gen", scope="text", providers=PROVIDERS, settings=TextSettings)


def estimate(body: TextRequest) -> Mapping[str, int]:
    """What a call can use at most: its input, and all the output it may ask for."""
    options = body.options
    return {"tokens": estimate_tokens(body.prompt) + estimate_tokens(options.system_prompt) + options.max_tokens}


@app.post("/generate", body_limit=8 * 1024 * 1024, estimate=estimate)
async def generate(context: Context, body: TextRequest) -> TextResponse:
    """`POST /generate`: the text and how it came about."""
    provider, call, warnings = prepare(context, body)
    result = await generate_text(context, provider, call)
    return TextResponse(text=result.text, metadata=describe_result(provider, result, context, warnings))


@app.post("/generate/stream", body_limit=8 * 1024 * 1024, estimate=estimate)
async def generate_stream(context: Context, body: TextRequest) -> Response:
    """`POST /generate/stream`: frames of text, and a last one with `done`.

    A failure before the first piece of text is an ordinary error answer; later ones are the last frame.
    """
    provider, call, warnings = prepare(context, body)
    result = TextResult(model=call.model)
    pieces = stream_text(context, provider, call, result=result)
    first = await anext(pieces, "")

    async def frames() -> AsyncGenerator[str, None]:
        async with aclosing(pieces):
            try:
                yield frame(context, text=first, done=False)
                async for piece in pieces:
                    yield frame(context, text=piece, done=False)
            except Exception as error:  # noqa: BLE001  # the edge: the answer has begun, so this is its only way out
                known = describe(error, context)
                yield frame(context, error=known.message, error_code=known.error_code, done=True)
            else:
                described = describe_result(provider, result, context, [*warnings, *context.warnings])
                metadata = described.model_dump(exclude_none=True)
                yield frame(context, text="", done=True, metadata=metadata)

    return Response.event_stream(frames())


def prepare(context: Context, body: TextRequest) -> tuple[TextProvider, TextCall, list[str]]:
    """Who answers, with what; and what had to be left out. From here on the call is counted."""
    options = body.options
    default_model = context.settings_as(TextSettings).default_model
    provider, model = choose_model(context, body.model or default_model, PROVIDERS)
    call = TextCall(
        model=model,
        prompt=body.prompt,
        max_tokens=options.max_tokens,
        temperature=options.temperature,
        top_p=options.top_p,
        stop_sequences=tuple(options.stop_sequences or ()),
        system_prompt=options.system_prompt,
    )
    call, warnings = provider.fit(call, explicit=frozenset(options.model_fields_set))
    record_usage(context, Usage(provider=provider.name, model=model))
    return provider, call, warnings


def describe_result(provider: TextProvider, result: TextResult, context: Context, warnings: list[str]) -> TextMetadata:
    """The metadata of an answer."""
    return TextMetadata(
        provider=provider.name,
        model=result.model,
        tokens_used=result.input_tokens + result.output_tokens,
        input_tokens=result.input_tokens,
        output_tokens=result.output_tokens,
        finish_reason=result.finish_reason or "stop",
        generation_time_ms=context.elapsed_ms(),
        warnings=warnings or None,
    )


def frame(context: Context, **members: Any) -> str:
    """One server-sent event with the request's id in it."""
    return data_frame({**members, "request_id": context.request_id})
