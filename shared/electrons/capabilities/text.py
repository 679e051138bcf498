"""Text generation with any `TextProvider`: whole, or piece by piece. `context.usage` is filled whatever happens."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from electrons.context import Context
from electrons.errors import ProviderError
from electrons.routing import Dialect
from electrons.upstream.client import call_provider, conceal_error, interrupted, iterate_body, open_response, parsing
from electrons.upstream.provider import Provider, ProviderRequest
from electrons.upstream.reading import PARSE_ERRORS, SurrogateJoiner
from electrons.upstream.sse import iterate_events
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


async def stream_text(
    context: Context, provider: TextProvider, call: TextCall, *, result: TextResult
) -> AsyncGenerator[list[str], None]:
    """Iterate over the pieces of text, those that come together in one list; `result` has the rest after the last one.

    The stream is over when its protocol says so, even if the connection stays open. Raises `ProviderError` and what
    derives from it, also for a stream that ends before that. A stream that is given up before its end is counted by
    what was read of it.
    """
    request = _build(provider, call, stream=True)
    characters, is_whole = 0, False
    joiner = SurrogateJoiner()
    try:
        async with (
            open_response(context, provider, request) as response,
            aclosing(iterate_body(provider, response)) as chunks,
            aclosing(iterate_events(chunks)) as groups,
        ):
            with parsing(provider):
                async for events in groups:
                    pieces, failure = _parse_events(provider, events, result=result, joiner=joiner)
                    if pieces:
                        characters += sum(map(len, pieces))
                        yield pieces
                    if isinstance(failure, ProviderError):
                        conceal_error(failure, response)
                    if failure is not None:
                        raise failure
                    if result.is_complete:
                        break
            if rest := joiner.finish():
                yield [rest]
            if result.is_complete and characters:
                result.finish_reason = result.finish_reason or "stop"
            if result.finish_reason is None:
                raise interrupted(provider)
            _fill_counts(provider, call, result, characters=characters)
            is_whole = True
    finally:
        if characters and not is_whole:
            result.input_tokens = result.input_tokens or estimate_input(call)
            result.output_tokens = max(result.output_tokens, -(-characters // CHARACTERS_PER_TOKEN))
        _note_usage(context, result)


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


def _parse_events(
    provider: TextProvider, events: list[str], *, result: TextResult, joiner: SurrogateJoiner
) -> tuple[list[str], Exception | None]:
    """Return the pieces of text in some events, and the error that ends the stream after them."""
    pieces: list[str] = []
    try:
        for data in events:
            if piece := joiner.feed(provider.parse_text_event(data, result)):
                pieces.append(piece)
            if result.is_complete:
                break
    except (ProviderError, *PARSE_ERRORS) as error:
        return pieces, error
    return pieces, None


def estimate_input(call: TextCall) -> int:
    """Return about how many tokens the messages and the system prompt of a call have."""
    return sum(estimate_tokens(message.content) for message in call.messages) + estimate_tokens(call.system_prompt)


def _note_usage(context: Context, result: TextResult) -> None:
    if context.usage is not None:
        context.usage.model = result.model
        context.usage.input_units, context.usage.output_units = result.input_tokens, result.output_tokens
        context.usage.cache_read_units = result.cache_read_tokens
        context.usage.cache_write_units = result.cache_write_tokens
