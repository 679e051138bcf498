"""Answer a request in one vendor's format with a model of another's: the call around a `Translation`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from typing import Any

import httpx2

from electrons.capabilities.text import TextProvider
from electrons.context import Context
from electrons.dialects.requests import VendorRequest
from electrons.dialects.translation import StreamTranslator, Translation
from electrons.dialects.usage import StreamMeter, read_counts
from electrons.errors import ProviderError
from electrons.fallbacks import start_usage
from electrons.http import Response
from electrons.middleware.errors import describe, render_frame
from electrons.upstream.client import (
    interrupted,
    iterate_body,
    open_response,
    parse_reported_error,
    parsing,
    read_document,
    unreadable,
)
from electrons.upstream.provider import ProviderRequest
from electrons.upstream.reading import as_object, load_json
from electrons.upstream.sse import EventParser
from electrons.usage import Usage

_EVENT_STREAM = "text/event-stream"
_ERROR_MARK = '"error"'


async def translate(
    context: Context, provider: TextProvider, model: str, body: VendorRequest, translation: Translation
) -> Response:
    """Return the provider's response in the caller's format.

    Raises `RequestError`, which names the field that cannot be translated, and `ProviderError`.
    """
    document = body.document_for(model)
    translated = translation.translate_request(document)
    path = provider.vendor_path(translation.path)
    request = ProviderRequest.json(path, provider.fit_document(translated.document), headers=translated.headers)
    request = replace(request, most=body.most_units())
    usage = start_usage(context, Usage(provider=provider.name, model=model))
    headers = [("X-DE-Warnings", "; ".join(translated.warnings))] if translated.warnings else []
    if body.stream:
        stream = translation.create_stream(document, body.model)
        response = await _open_stream(context, provider, request, stream, input_estimate=body.estimate_input())
        response.headers += headers
        return response
    async with open_response(context, provider, request) as received:
        answer, _ = await read_document(provider, received)
        if as_object(answer.get("error")):
            raise parse_reported_error(provider, answer, received)
    usage.input_units = body.estimate_input()
    counts = read_counts(as_object(answer.get("usage")))
    if counts.input_tokens or counts.output_tokens:
        counts.note(usage)
    with parsing(provider):
        response = Response.json(translation.translate_response(answer, request=document, requested_model=body.model))
    response.headers += headers
    return response


async def _open_stream(
    context: Context,
    provider: TextProvider,
    request: ProviderRequest,
    stream: StreamTranslator,
    *,
    input_estimate: int,
) -> Response:
    async with AsyncExitStack() as stack:
        response = await stack.enter_async_context(open_response(context, provider, request))
        if not response.headers.get("content-type", "").lower().startswith(_EVENT_STREAM):
            raise unreadable(provider)
        scope = stack.pop_all()
    frames = _translate_frames(context, provider, response, stream, scope=scope, input_estimate=input_estimate)
    return Response.event_stream(frames)


async def _translate_frames(
    context: Context,
    provider: TextProvider,
    response: httpx2.Response,
    stream: StreamTranslator,
    *,
    scope: AsyncExitStack,
    input_estimate: int,
) -> AsyncGenerator[str, None]:
    """Iterate over the caller's frames, those of one piece of the provider's stream at once."""
    meter, parser = StreamMeter(), EventParser()
    is_whole = False
    try:
        async with scope, aclosing(iterate_body(provider, response, max_bytes=float("inf"))) as pieces:
            async for piece in pieces:
                meter.feed(piece)
                frames, failure = _translate_piece(provider, response, stream, parser, piece)
                if frames:
                    yield "".join(frames)
                if failure is not None:
                    raise failure
                if stream.is_complete:
                    break
        if not stream.is_complete:
            raise interrupted(provider)
        with parsing(provider):
            end = "".join(stream.finish())
        is_whole = True
        yield end
    except ProviderError as error:
        yield render_frame(describe(error, context), context)
    finally:
        if context.usage is not None:
            meter.note(context.usage, is_whole=is_whole, input_estimate=input_estimate)


def _translate_piece(
    provider: TextProvider, response: httpx2.Response, stream: StreamTranslator, parser: EventParser, piece: bytes
) -> tuple[list[str], ProviderError | None]:
    """Return the frames for a piece of the provider's stream, and what went wrong behind them."""
    frames: list[str] = []
    try:
        with parsing(provider):
            for data in parser.feed(piece):
                if _ERROR_MARK in data and (reported := _read_error(data)):
                    raise parse_reported_error(provider, reported, response)
                frames += stream.feed(data)
    except ProviderError as failure:
        return frames, failure
    return frames, None


def _read_error(data: str) -> dict[str, Any] | None:
    """Return an event that reports a failure of the vendor, None for any other."""
    document = as_object(load_json(data)) if data.startswith("{") else {}
    error = document.get("error")
    return document if isinstance(error, dict | str) and error else None
