"""Answer a request in one vendor's format with a model of another's: the call around a `Translation`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
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
from electrons.upstream.client import open_response, parse_reported_error, read_document
from electrons.upstream.failures import interrupted, parsing, unreadable
from electrons.upstream.provider import ProviderRequest
from electrons.upstream.reading import as_object, load_json
from electrons.upstream.relay import Relay
from electrons.upstream.sse import EventParser
from electrons.usage import Usage

_EVENT_STREAM = "text/event-stream"
_ERROR_MARK = '"error"'
_CONVERSATION = {"messages", "input"}


async def translate(
    context: Context,
    provider: TextProvider,
    model: str,
    body: VendorRequest,
    translation: Translation,
    *,
    is_last: bool,
) -> Response:
    """Return the provider's response in the caller's format. The last call of a body lets go of its bytes.

    Raises `RequestError`, which names the field that cannot be translated, and `ProviderError`.
    """
    asked, request, warnings = _translate_request(provider, model, body, translation, is_last=is_last)
    usage = start_usage(context, Usage(provider=provider.name, model=model))
    headers = [("X-DE-Warnings", "; ".join(warnings))] if warnings else []
    if body.stream:
        stream = translation.create_stream(asked, body.model)
        response = await _open_stream(context, provider, request, stream, input_estimate=body.estimate_input())
        response.headers += headers
        return response
    async with open_response(context, provider, request) as received:
        answer = await read_document(provider, received)
        if as_object(answer.get("error")):
            raise parse_reported_error(provider, answer, received)
    usage.input_units = body.estimate_input()
    counts = read_counts(as_object(answer.get("usage")))
    if counts.input_tokens or counts.output_tokens:
        counts.note(usage)
    with parsing(provider):
        response = Response.json(translation.translate_response(answer, request=asked, requested_model=body.model))
    response.headers += headers
    return response


def _translate_request(
    provider: TextProvider, model: str, body: VendorRequest, translation: Translation, *, is_last: bool
) -> tuple[dict[str, Any], ProviderRequest, Sequence[str]]:
    """Return what the caller asked for but its conversation, the provider's request, and the warnings.

    A conversation can have megabytes, and writing it takes three times as much: what is not needed goes before.
    """
    document = body.document_for(model)
    if is_last:
        body.let_go()
    translated = translation.translate_request(document)
    asked = {name: value for name, value in document.items() if name not in _CONVERSATION}
    del document
    path = provider.vendor_path(translation.path)
    request = ProviderRequest.json(path, provider.fit_document(translated.document), headers=translated.headers)
    return asked, replace(request, most=body.most_units()), translated.warnings


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
        watcher = TranslatedStream(context, provider, response, stream, input_estimate=input_estimate)
        return Response.event_stream(Relay(provider, response, scope=stack.pop_all(), watcher=watcher))


class TranslatedStream:
    """Turns a provider's stream into the caller's format (`upstream.relay.Watcher`), those frames at once that come so.

    It is over when its protocol says so, or when it has failed.
    """

    reads = edits = True

    def __init__(
        self,
        context: Context,
        provider: TextProvider,
        response: httpx2.Response,
        stream: StreamTranslator,
        *,
        input_estimate: int,
    ) -> None:
        self.is_over = False
        self._context = context
        self._provider = provider
        self._response = response
        self._stream = stream
        self._input_estimate = input_estimate
        self._meter = StreamMeter()
        self._parser = EventParser()
        self._failure: ProviderError | None = None

    def feed(self, piece: bytes) -> None:
        """See `Watcher.feed`."""

    def edit(self, piece: bytes) -> bytes:
        """Return the caller's frames for the next bytes."""
        if self.is_over:
            return b""
        self._meter.feed(piece)
        frames, self._failure = _translate_piece(self._provider, self._response, self._stream, self._parser, piece)
        self.is_over = self._failure is not None or self._stream.is_complete
        return "".join(frames).encode()

    def end(self, error: ProviderError | None) -> bytes:
        """Count what came, and return the last frames, or that of the error."""
        failure, frames = self._failure or error, ""
        if self._failure is not None and self._failure.upstream_status and self._context.usage is not None:
            self._context.usage.end_call(is_unknown=False)  # the provider itself says that it has failed
        try:
            if failure is not None:
                raise failure
            if not self._stream.is_complete:
                raise interrupted(self._provider)
            with parsing(self._provider):
                frames = "".join(self._stream.finish())
        except ProviderError as known:
            failure = known
            frames = render_frame(describe(known, self._context), self._context)
        self._count(is_whole=failure is None)
        return frames.encode()

    def leave(self) -> None:
        """Count what came until the caller left."""
        self._count(is_whole=False)

    def _count(self, *, is_whole: bool) -> None:
        if self._context.usage is not None:
            self._meter.note(self._context.usage, is_whole=is_whole, input_estimate=self._input_estimate)


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
