"""The emulated models' text: deterministic, dependent on the prompt, honest about being emulated.

The same model and prompt always give the same text; it quotes the prompt's first words, is long enough for a stream of
several deltas, and holds characters of two, three and four UTF-8 bytes. Tokens are four characters each, so that usage
numbers, `max_tokens` and stop sequences agree with the text that was really sent.

A prompt with a JSON object in a line of its own, whose strings are `<descriptions>` of what to put there, is answered
with that object filled in, as a model would; a description with `keyword` in it gets one that stock media know.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Literal
from zlib import crc32

CHARACTERS_PER_TOKEN = 4

_QUOTED_WORDS = 12
_ALWAYS = "No model was asked: this text was put together on this machine — naïvely, 好的, and for free 🚀."
_SENTENCES = (
    "The same prompt will always get the same answer, which is more than a real model promises.",
    "Four characters make one token here, so the numbers add up without a tokenizer.",
    "A café in Köln, a cantina in Málaga and a 茶館 in 台北 all serve it equally warm ☕.",
    "Whatever was asked, the honest reply is that nobody thought about it.",
    "If these words arrive one after another, then streaming works from end to end.",
    "Добрый день, こんにちは, grüß Gott: text is bytes only while it travels.",
    "Point the worker at the real vendor by putting a key into its variables.",
    "There is no wisdom below this line, only a checksum choosing among eight sentences 🎲.",
)
_KEYWORDS = ("ocean", "forest", "city", "mountain", "coffee", "sunset")
_TEMPLATE = re.compile(r"^\{.*<.*\}$", re.MULTILINE)
_DELTA = re.compile(r"\s*\S+(?:\s+\S+){0,2}\s*")


@dataclass(frozen=True, slots=True)
class Completion:
    """The output of an emulated model, its number of tokens, and the reason why it stopped."""

    text: str
    tokens: int
    stopped_by: Literal["end", "length", "stop_sequence"]
    stop_sequence: str | None = None

    @property
    def deltas(self) -> list[str]:
        """The parts in which the text is streamed, of up to three words each."""
        return _DELTA.findall(self.text)


def count_tokens(text: str) -> int:
    """Return the number of tokens: one for every four characters, rounded up."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


@lru_cache(maxsize=256)
def compose(model: str, prompt: str) -> str:
    """Return the whole text of `model` for `prompt`, before any limit."""
    words = prompt.split()
    quote = " ".join(words[:_QUOTED_WORDS]) + (" …" if len(words) > _QUOTED_WORDS else "")
    checksum = crc32(prompt.encode("utf-8", "surrogatepass"))
    first = checksum % len(_SENTENCES)
    if template := _TEMPLATE.search(prompt):
        numbers = count(checksum)
        document = json.loads(template[0])
        return json.dumps(_fill(document, numbers), ensure_ascii=False)
    chosen = [_SENTENCES[(first + 3 * step) % len(_SENTENCES)] for step in range(3)]
    return f"[emulated {model}] You wrote “{quote}” (checksum {checksum:08x}). {_ALWAYS} {' '.join(chosen)}"


def _fill(template: object, numbers: Iterator[int]) -> object:
    if isinstance(template, dict):
        return {name: _fill(value, numbers) for name, value in template.items()}
    if isinstance(template, list):
        return [_fill(value, numbers) for value in template]
    if not (isinstance(template, str) and template.startswith("<")):
        return template
    choices = _KEYWORDS if "keyword" in template else _SENTENCES
    return choices[next(numbers) % len(choices)]


def complete(model: str, prompt: str, *, max_tokens: int | None, stop_sequences: list[str]) -> Completion:
    """Generate text up to its end, `max_tokens`, or the first stop sequence, which is not part of the output."""
    full = compose(model, prompt)
    text = full if max_tokens is None else full[: max_tokens * CHARACTERS_PER_TOKEN]
    found = [(at, stop) for stop in stop_sequences if stop and (at := text.find(stop)) >= 0]
    if found:
        at, stop = min(found)
        return Completion(text[:at], count_tokens(text[:at]), "stop_sequence", stop)
    return Completion(text, count_tokens(text), "length" if len(text) < len(full) else "end")
