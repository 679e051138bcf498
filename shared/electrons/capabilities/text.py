"""Text generation with any `TextProvider`: whole, or piece by piece. `context.usage` is filled whatever happens."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import httpx2

from electrons.context import Context
from electrons.errors import ProviderError
from electrons.routing import Dialect
from electrons.upstream.client import call_provider, conceal_error, open_response
from electrons.upstream.failures import interrupted, parsing
from electrons.upstream.provider import Provider, ProviderRequest
from electrons.upstream.reading import SurrogateJoiner
from electrons.upstream.relay import Relay, Watcher
from electrons.upstream.sse import EventParser
from electrons.usage import Units

CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for English, where no provider has counted: before a call, and for calls that were interrupted."""

MOST_FOR_ESTIMATE = 2
"""How much more tokens a text may have than is estimated: half the characters of code, numbers or other scripts."""


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A message of a conversation."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextCall:
    """A text generation as a provider gets it: None means that the option is not sent at all.

    The last of the `messages` is the user's.
    """

    model: str
    messages: tuple[TextMessage, ...]
    max_tokens: int
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: tuple[str, ...] = ()
    system_prompt: str | None = None
    json_schema: Mapping[str, Any] | None = None


@dataclass(slots=True, kw_only=True)
class TextResult:
    """A text generation, whole or still growing. Tokens are the provider's count, or 0 where it has not counted.

    The tokens that were read from the provider's prompt cache, or written to it, are contained in `input_tokens`.
    `finish_reason` is set when the provider has said why the text ends, `is_complete` when its stream is over.
    """

    model: str
    text: str = ""
    finish_reason: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    warnings: list[str] = field(default_factory=list)
    is_complete: bool = field(default=False, compare=False)


class TextProvider(Provider):
    """A vendor that generates text."""

    enforces_json: ClassVar[bool] = False
    """Whether it has the model write JSON that fits `TextCall.json_schema`; if not, the model is told the schema."""

    dialect: ClassVar[Dialect]
    """The vendor whose wire format the provider speaks."""
    has_responses: ClassVar[bool] = False
    """Whether it has OpenAI's Responses."""
    has_embeddings: ClassVar[bool] = False
    """Whether it has OpenAI's embeddings."""
    reports_stream_usage: ClassVar[bool] = True
    """Whether its streams of chat completions report their usage where `stream_options` ask for it."""

    def vendor_path(self, path: str) -> str:
        """Return where the provider has what its vendor has at `path`, below the base URL."""
        return path

    def fit_document(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return a request in the provider's dialect with the names and options that this server knows."""
        return document

    @abstractmethod
    def fit(self, call: TextCall, *, explicit: frozenset[str]) -> tuple[TextCall, list[str]]:
        """Return the call without what its model does not take, and a warning for each `explicit` option left out."""

    @abstractmethod
    def build_text(self, call: TextCall, *, stream: bool) -> ProviderRequest:
        """Return the request; with `stream`, for server-sent events."""

    @abstractmethod
    def parse_text(self, document: dict[str, Any]) -> TextResult:
        """Return the result in a 200 answer; `model` is empty if the answer has no name of a model.

        A document without a text raises `UnreadableError`; read it with `upstream.reading.Reader`.
        """

    @abstractmethod
    def parse_text_event(self, data: str, result: TextResult) -> str:
        """Add one event's data to `result` and return its piece of text, which may be empty.

        Sets `result.is_complete` for the event that ends the stream. Half of a surrogate pair may end a piece. Raises
        `ProviderError` for an event that reports a failure, and `UnreadableError` or another ValueError.
        """


def estimate_tokens(text: str | None) -> int:
    """Return about how many tokens a text has, at least one where there is text."""
    return -(-len(text) // CHARACTERS_PER_TOKEN) if text else 0


async def generate_text(context: Context, provider: TextProvider, call: TextCall) -> TextResult:
    """Return the whole text. Raises `ProviderError` and what derives from it."""
    request = _build(provider, call, stream=False)
    result = TextResult(model=call.model)
    try:
        result = await call_provider(context, provider, request, provider.parse_text)
        result.model = result.model or call.model
        _fill_counts(provider, call, result, characters=len(result.text))
    finally:
        _note_usage(context, result)
    return result


async def open_text_stream(
    context: Context,
    provider: TextProvider,
    call: TextCall,
    *,
    result: TextResult,
    watch: Callable[[TextStream], Watcher],
) -> Relay:
    """Return a stream of text whose first piece has come; `watch` returns what writes the pieces for the caller.

    Raises `ProviderError` and what derives from it, also for a stream that fails before the first piece.
    """
    async with AsyncExitStack() as stack:
        response = await stack.enter_async_context(
            open_response(context, provider, _build(provider, call, stream=True))
        )
        text = TextStream(context, provider, call, response, result=result)
        relay = Relay(provider, response, scope=stack, watcher=watch(text))
        try:
            await relay.begin()
            if not relay.first:
                text.check()
        except BaseException:
            text.leave()
            raise
        relay.scope = stack.pop_all()
    return relay


class TextStream:
    """A text that comes piece by piece. `result` has what is known of it besides.

    It `is_over` when its protocol says so, even if the connection stays open, or when it has failed: `failure` is why.
    """

    def __init__(
        self,
        context: Context,
        provider: TextProvider,
        call: TextCall,
        response: httpx2.Response,
        *,
        result: TextResult,
    ) -> None:
        self.result = result
        self.is_over = False
        self.failure: Exception | None = None
        self._context = context
        self._provider = provider
        self._call = call
        self._response = response
        self._parser = EventParser()
        self._joiner = SurrogateJoiner()
        self._characters = 0

    def feed(self, content: bytes, *, final: bool = False) -> list[str]:
        """Return the pieces of text in the next bytes, which may be cut anywhere; those before a failure too."""
        pieces: list[str] = []
        if self.is_over:
            return pieces
        provider, result, joiner = self._provider, self.result, self._joiner
        try:
            for data in self._parser.feed(content, final=final):
                if piece := joiner.feed(provider.parse_text_event(data, result)):
                    pieces.append(piece)
                    self._characters += len(piece)
                if result.is_complete:
                    self.is_over = True
                    break
        except Exception as error:  # noqa: BLE001  # whatever it is, the pieces before it are the caller's
            self.failure, self.is_over = self._describe(error), True
        return pieces

    def check(self) -> None:
        """Raise why the text is not whole, if it is not."""
        result = self.result
        if self.failure is not None:
            raise self.failure
        if result.is_complete and self._characters:
            result.finish_reason = result.finish_reason or "stop"
        if result.finish_reason is None:
            raise interrupted(self._provider)

    def finish(self, error: ProviderError | None) -> str:
        """Count the text after its end, and return what is left of it. Raises why it is not whole: `error`, say."""
        pieces, is_whole = [] if error else self.feed(b"", final=True), False
        try:
            self.failure = self.failure or error
            self.check()
            _fill_counts(self._provider, self._call, self.result, characters=self._characters)
            is_whole = True
        finally:
            self._count(is_whole=is_whole)
        return "".join([*pieces, self._joiner.finish()])

    def leave(self) -> None:
        """Count what came of a text that nobody reads to its end."""
        self._count(is_whole=False)

    def _count(self, *, is_whole: bool) -> None:
        result = self.result
        if self._characters and not is_whole:
            result.input_tokens = result.input_tokens or estimate_input(self._call)
            result.output_tokens = max(result.output_tokens, -(-self._characters // CHARACTERS_PER_TOKEN))
        _note_usage(self._context, result)

    def _describe(self, error: Exception) -> Exception:
        try:
            with parsing(self._provider):
                raise error
        except ProviderError as failure:
            if failure is error:
                conceal_error(failure, self._response)
            return failure
        except Exception as unknown:  # noqa: BLE001  # an error of ours
            return unknown


def _build(provider: TextProvider, call: TextCall, *, stream: bool) -> ProviderRequest:
    most = Units(MOST_FOR_ESTIMATE * estimate_input(call), call.max_tokens)
    return replace(provider.build_text(call, stream=stream), most=most)


def _fill_counts(provider: TextProvider, call: TextCall, result: TextResult, *, characters: int) -> None:
    """Estimate the tokens that the provider has not counted, or in a way that cannot be read."""
    input_tokens = result.input_tokens or estimate_input(call)
    output_tokens = result.output_tokens or -(-characters // CHARACTERS_PER_TOKEN)
    if (input_tokens, output_tokens) != (result.input_tokens, result.output_tokens):
        result.input_tokens, result.output_tokens = input_tokens, output_tokens
        result.warnings.append(f"{provider.title} did not report all token counts; the missing ones are estimated")


def estimate_input(call: TextCall) -> int:
    """Return about how many tokens the messages and the system prompt of a call have."""
    return sum(estimate_tokens(message.content) for message in call.messages) + estimate_tokens(call.system_prompt)


def _note_usage(context: Context, result: TextResult) -> None:
    if context.usage is not None:
        context.usage.model = result.model
        context.usage.input_units, context.usage.output_units = result.input_tokens, result.output_tokens
        context.usage.cache_read_units = result.cache_read_tokens
        context.usage.cache_write_units = result.cache_write_tokens
