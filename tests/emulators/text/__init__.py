"""The text of the emulated models: deterministic, and about the prompt's topic if the prompt asks for a document.

| the prompt                                          | the text |
|-----------------------------------------------------|----------|
| comes with a schema (structured output), or has one | JSON that fits the schema |
| asks for JSON and has an example of it              | its example with other values, as many items as requested |
| asks for any JSON object, or for a script as JSON   | an object with a title, a description and sections |
| asks for a script, a narration or a voice-over      | coherent sentences about its topic |
| anything else                                       | a text that names the model and quotes the prompt (`plain.py`) |

Tokens are four characters each, so that usage numbers, `max_tokens` and stop sequences agree with the text.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from .filling import fill
from .plain import checksum_of, write_plain_text
from .prompts import DEFAULT_TOPIC, Prompt
from .prose import WORDS_PER_SECOND, Length, Writer
from .schemas import is_schema, read_schema
from .shapes import Array, Number, Record, Shape, Text
from .templates import find_example

CHARACTERS_PER_TOKEN = 4

_DELTA = re.compile(r"\s*\S+(?:\s+\S+){0,2}\s*")
_ASKS_FOR_JSON = re.compile(
    r"\b(?:answer|respond|reply|return|output|provide|generate|produce|create|write|give|send|format|fill|use|follow|"
    r"structure|schema|shape)\w*\b[^?]{0,400}?\bjson\b|\bjson\b[^?]{0,80}?\b(?:only|object|format|structure|output)\b|"
    r"\b(?:only|valid|strict)\s+json\b",
    re.IGNORECASE | re.DOTALL,
)
_PLACEHOLDER = re.compile(r"<[^<>\n]+>")
_DEFAULT_DOCUMENT = Record(
    {
        "title": Text(),
        "description": Text(),
        "sections": Array(
            (Record({"title": Text(), "narration": Text(), "keywords": Array((Text(),)), "duration": Number()}),)
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Completion:
    """The output of an emulated model, its number of tokens, and the reason why it stopped."""

    text: str
    tokens: int
    stopped_by: Literal["end", "length", "stop_sequence"]
    stop_sequence: str | None = None

    @property
    def deltas(self) -> list[str]:
        """The parts in which the text is streamed."""
        return split_deltas(self.text)


@dataclass(frozen=True, slots=True)
class TextRequest:
    """What a model is asked to write.

    `instructions` are those of the system. `format` is the JSON of the vendor's structured output: `json_object`, or
    `json_schema` with a schema. `choice` numbers the alternatives to one prompt.
    """

    model: str
    prompt: str
    instructions: str = ""
    format: str = ""
    choice: int = 0


def split_deltas(text: str) -> list[str]:
    """Return the parts in which a text is streamed, of up to three words each."""
    return _DELTA.findall(text)


def count_tokens(text: str) -> int:
    """Return the number of tokens: one for every four characters, rounded up."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def complete(request: TextRequest, *, max_tokens: int | None, stop_sequences: list[str]) -> Completion:
    """Generate text up to its end, `max_tokens`, or the first stop sequence, which is not part of the output."""
    full = compose(request)
    text = full if max_tokens is None else full[: max_tokens * CHARACTERS_PER_TOKEN]
    found = [(at, stop) for stop in stop_sequences if stop and (at := text.find(stop)) >= 0]
    if found:
        at, stop = min(found)
        return Completion(text[:at], count_tokens(text[:at]), "stop_sequence", stop)
    return Completion(text, count_tokens(text), "length" if len(text) < len(full) else "end")


@lru_cache(maxsize=256)
def compose(request: TextRequest) -> str:
    """Return the whole text for a request, before any limit."""
    prompt = f"{request.prompt} (choice {request.choice})" if request.choice else request.prompt
    wish = Prompt(request.prompt)
    shape = _find_shape(request)
    if shape:
        wish = Prompt(_without_example(request.prompt))
        writer = Writer(_find_topic(wish, request), seed=checksum_of(prompt))
        return json.dumps(fill(shape, _join(wish, request), writer), ensure_ascii=False, indent=2)
    if wish.wants_script:
        writer = Writer(wish.topic, seed=checksum_of(prompt))
        return writer.script(_script_length(wish))
    return write_plain_text(request.model, prompt)


def compose_document(schema: Mapping[str, Any], prompt: str) -> Any:
    """Return a document that fits a JSON Schema, about the topic of the prompt."""
    wish = Prompt(prompt)
    return fill(read_schema(schema), wish, Writer(wish.topic, seed=checksum_of(prompt)))


def _find_shape(request: TextRequest) -> Shape | None:
    """Return the shape of the document that a request asks for, or `None` if it does not ask for one."""
    if request.format:
        return _read_format(json.loads(request.format))
    for text in (request.prompt, request.instructions):
        example = find_example(text)
        if example is None:
            continue
        source = text[example.start : example.end]
        if (schema := _parse_schema(source)) is not None:
            return read_schema(schema)
        around = f"{text[: example.start]}\n{text[example.end :]}"
        if _ASKS_FOR_JSON.search(around) or _PLACEHOLDER.search(source):
            return example.shape
    if Prompt(request.prompt).wants_script and _ASKS_FOR_JSON.search(request.prompt):
        return _DEFAULT_DOCUMENT
    return None


def _read_format(format_: object) -> Shape | None:
    """Return the shape of a structured output; OpenAI's chat has the schema one level deeper than other APIs."""
    if not isinstance(format_, dict) or format_.get("type") not in {"json_object", "json_schema"}:
        return None
    schema = (format_.get("json_schema") or format_).get("schema")
    return read_schema(schema) if isinstance(schema, dict) else _DEFAULT_DOCUMENT


def _parse_schema(source: str) -> dict[str, object] | None:
    try:
        document = json.loads(source)
    except ValueError:
        return None
    return document if is_schema(document) else None


def _without_example(text: str) -> str:
    example = find_example(text)
    return f"{text[: example.start]}\n{text[example.end :]}" if example else text


def _join(wish: Prompt, request: TextRequest) -> Prompt:
    """Return the prompt with the system's instructions, which may name counts and durations too."""
    return Prompt(f"{wish.text}\n{_without_example(request.instructions)}") if request.instructions else wish


def _find_topic(wish: Prompt, request: TextRequest) -> str:
    """Return the topic of the prompt; a prompt of a few words, with instructions of the system, is the topic itself."""
    if wish.topic != DEFAULT_TOPIC or not request.instructions:
        return wish.topic
    return Prompt(f"Topic: {wish.text.strip()}").topic if len(wish.text.split()) <= 12 else wish.topic


def _script_length(wish: Prompt) -> Length:
    if words := wish.count_of("word", limit=5000):
        return Length(words=words[1])
    if sentences := wish.count_of("sentence", limit=100):
        return Length(sentences=sentences[1])
    if wish.total_seconds:
        return Length(words=round(wish.total_seconds * WORDS_PER_SECOND))
    return Length()
