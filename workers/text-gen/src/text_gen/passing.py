"""Hand a vendor's request and its response on as they are: the caller speaks the format of the model's own provider.

The provider gets the caller's bytes with only the model's name replaced, under the deployment's key. The caller gets
the provider's bytes; a stream is watched for its usage and its end, and not touched. Only a stream of chat completions
whose caller did not ask for the usage is edited, because it is asked for all the same: otherwise nobody would know the
number of tokens, those of the reasoning above all.
"""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from dataclasses import dataclass

from electrons.capabilities.text import TextProvider
from electrons.context import Context
from electrons.dialects.requests import VendorRequest, ask_for_usage
from electrons.dialects.usage import StreamMeter, read_counts
from electrons.errors import ProviderError
from electrons.fallbacks import start_usage
from electrons.http import HeaderPairs, Response
from electrons.middleware.errors import describe, render_frame
from electrons.upstream.client import iterate_body, load_document, open_response, parse_reported_error
from electrons.upstream.failures import interrupted, unreadable
from electrons.upstream.provider import ProviderRequest
from electrons.upstream.reading import as_object
from electrons.upstream.relay import Relay
from electrons.usage import Usage

_PASSED_ON = ("anthropic-version", "anthropic-beta", "openai-beta")
"""What the caller says about the version of the format."""

WHOLE_BYTES = 1024 * 1024
"""Bytes of an answer that is read before it goes out."""

_EVENT_STREAM = "text/event-stream"
_USAGE_CHUNK = re.compile(rb'"choices"\s*:\s*\[\s*\]')
_NO_USAGE = re.compile(rb',\s*"usage"\s*:\s*null(?=\s*[,}])')


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedCall:
    """One call of a vendor's endpoint by its own format. `path` is the vendor's: `/v1/messages`."""

    provider: TextProvider
    model: str
    path: str

    @property
    def uses_tokens(self) -> bool:
        """Whether the call is charged; counting tokens is free."""
        return self.path != "/v1/messages/count_tokens"

    @property
    def is_chat(self) -> bool:
        """Whether these are chat completions."""
        return self.path == "/v1/chat/completions"


async def pass_on(context: Context, call: PassedCall, body: VendorRequest, *, is_last: bool = True) -> Response:
    """Return the provider's response. Raises `ProviderError` and what derives from it.

    The last call of a body lets go of its bytes, which the provider's request has.
    """
    unit = "tokens" if call.uses_tokens else "requests"
    usage = start_usage(context, Usage(provider=call.provider.name, model=call.model, unit=unit))
    if body.stream:
        return await _open_stream(context, call, body, is_last=is_last)
    return await _read_whole(context, call, body, usage, is_last=is_last)


async def _read_whole(
    context: Context, call: PassedCall, body: VendorRequest, usage: Usage, *, is_last: bool
) -> Response:
    """Return the provider's answer, which is handed on unread from `WHOLE_BYTES` on: embeddings can have 30 MB."""
    request = _build_request(context, call, body, _take_content(call, body, is_last=is_last))
    headers: HeaderPairs = [("Content-Type", "application/json")]
    async with AsyncExitStack() as stack:
        response = await stack.enter_async_context(open_response(context, call.provider, request))
        pieces = iterate_body(call.provider, response, max_bytes=float("inf"))
        read, size = [], 0
        async for piece in pieces:
            read.append(piece)
            size += len(piece)
            if size > WHOLE_BYTES:
                watcher = LargeAnswer(context, usage, input_estimate=body.estimate_input())
                first = watcher.edit(b"".join(read))
                scope = stack.pop_all()
                relay = Relay(call.provider, response, scope=scope, watcher=watcher, first=first, pieces=pieces)
                return Response(headers=headers, body=relay)
        answer = b"".join(read)
        document = load_document(call.provider, answer)
        if call.is_chat and as_object(document.get("error")):
            raise parse_reported_error(call.provider, document, response)
    usage.input_units = body.estimate_input() if call.uses_tokens else 0
    counts = read_counts(as_object(document.get("usage")))
    if counts.input_tokens or counts.output_tokens:
        counts.note(usage)
    return Response(headers=headers, body=answer)


async def _open_stream(context: Context, call: PassedCall, body: VendorRequest, *, is_last: bool) -> Response:
    content = _take_content(call, body, is_last=is_last)
    adds_usage = call.is_chat and call.provider.reports_stream_usage and not body.wants_usage
    if adds_usage:
        content = ask_for_usage(content)
    async with AsyncExitStack() as stack:
        request = _build_request(context, call, body, content)
        response = await stack.enter_async_context(open_response(context, call.provider, request))
        if not response.headers.get("content-type", "").lower().startswith(_EVENT_STREAM):
            raise unreadable(call.provider)
        watcher = PassedStream(context, call, body, edits=adds_usage)
        relay = Relay(call.provider, response, scope=stack.pop_all(), watcher=watcher)
    headers: HeaderPairs = [("Content-Type", response.headers["content-type"]), ("Cache-Control", "no-cache")]
    return Response(headers=headers, body=relay)


class LargeAnswer:
    """Counts an answer that goes out as it comes in (`upstream.relay.Watcher`)."""

    reads = edits = True
    is_over = False

    def __init__(self, context: Context, usage: Usage, *, input_estimate: int) -> None:
        self._context = context
        self._usage = usage
        self._input_estimate = input_estimate
        self._meter = StreamMeter()

    def feed(self, piece: bytes) -> None:
        """See `Watcher.feed`."""

    def edit(self, piece: bytes) -> bytes:
        """Count the piece, and return it."""
        self._meter.feed(piece)
        return piece

    def end(self, error: ProviderError | None) -> bytes | None:
        """Count what came. A document cannot say that it is not whole."""
        self._meter.note(self._usage, is_whole=error is None, input_estimate=self._input_estimate)
        if error is None:
            return b""
        describe(error, self._context)
        return None

    def leave(self) -> None:
        """Count what came until the caller left."""
        self._meter.note(self._usage, is_whole=False, input_estimate=self._input_estimate)


class PassedStream:
    """Counts a stream, and closes it in the caller's format when it ends before its end (`upstream.relay.Watcher`)."""

    def __init__(self, context: Context, call: PassedCall, body: VendorRequest, *, edits: bool) -> None:
        self.reads = True
        self.edits = edits
        self.is_over = False
        self._context = context
        self._call = call
        self._input_estimate = body.estimate_input()
        self._meter = StreamMeter()
        self._held = b""

    def feed(self, piece: bytes) -> None:
        """See `Watcher.feed`."""
        self._meter.feed(piece)

    def edit(self, piece: bytes) -> bytes:
        """Count the piece, and return the whole frames so far, without the usage that the caller did not ask for."""
        self._meter.feed(piece)
        frames = piece
        if self._held or b"\r" in piece or not piece.endswith(b"\n\n"):  # not just whole frames, as nearly always
            frames, end, self._held = (self._held + piece).replace(b"\r\n", b"\n").rpartition(b"\n\n")
            frames += end
        if _USAGE_CHUNK.search(frames):
            frames = b"\n\n".join([frame for frame in frames.split(b"\n\n") if not _USAGE_CHUNK.search(frame)])
        return _NO_USAGE.sub(b"", frames) if b'"usage"' in frames else frames

    def end(self, error: ProviderError | None) -> bytes:
        """Count what came. An interrupted stream ends with the error's frame, never as if it were whole."""
        meter, has_failed = self._meter, self._meter.has_failed
        if error is None and not has_failed and not meter.has_ended:
            error = interrupted(self._call.provider)
        self._count(is_whole=error is None and not has_failed)
        if error is None:
            if has_failed:
                self._context.error_code = ProviderError.code
            return self._held
        known = describe(error, self._context)
        # A frame that was cut off must not run into this one.
        return b"\n\n" + render_frame(known, self._context).encode()

    def leave(self) -> None:
        """Count what came until the caller left."""
        self._count(is_whole=False)

    def _count(self, *, is_whole: bool) -> None:
        if self._context.usage is not None:
            self._meter.note(self._context.usage, is_whole=is_whole, input_estimate=self._input_estimate)


def _take_content(call: PassedCall, body: VendorRequest, *, is_last: bool) -> bytes:
    content = body.content_for(call.model)
    if is_last:
        body.let_go()
    return content


def _build_request(context: Context, call: PassedCall, body: VendorRequest, content: bytes) -> ProviderRequest:
    sent = context.request.headers
    headers = [(name, value) for name in _PASSED_ON if (value := sent.get(name))]
    return ProviderRequest(
        path=call.provider.vendor_path(call.path),
        headers=[("Content-Type", "application/json"), *headers],
        content=content,
        most=body.most_units(has_output=call.path != "/v1/embeddings"),
    )
