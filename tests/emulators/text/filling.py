"""Filling a shape: strings by the names of their fields, numbers by the durations and counts in the prompt."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from .aspects import CLOSING, OPENING, Aspect
from .names import POSITIONS, is_duration, kind_of, singular_nouns, split_name
from .prompts import Prompt
from .prose import WORDS_PER_SECOND, Length, Writer
from .shapes import Array, Fixed, Number, Record, Shape, Text
from .timing import find_limits, format_seconds, has_time, split_seconds, sum_seconds

_DEFAULT_SECTIONS = 4
_DEFAULT_TEXTS = 3
_MAX_ITEMS = 40
_SECTION_SECONDS = (18, 32)
_FORMATS = {
    "date": "2026-01-15",
    "date-time": "2026-01-15T09:30:00Z",
    "time": "09:30:00Z",
    "email": "hello@example.com",
    "uri": "https://example.com/",
    "uuid": "6f1c2e0a-9d3b-4c57-8a21-0b7d5e4f3a19",
}
# The values of strings of which only a few make sense.
_VALUES = {
    "mood": ("calm", "curious", "warm", "hopeful", "thoughtful"),
    "style": ("documentary", "cinematic", "natural", "minimal"),
    "transition": ("fade", "dissolve", "cut"),
    "music": ("soft piano", "warm strings", "quiet ambient", "gentle acoustic guitar"),
    "language": ("en",),
    "url": (_FORMATS["uri"],),
    "date": (_FORMATS["date"],),
    "audience": ("everyone who is curious",),
}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the document a value is: the number, aspect, duration and start of its section."""

    number: int = 1
    count: int = 1
    aspect: Aspect | None = None
    seconds: int | None = None
    start: int = 0


def fill(shape: Shape, prompt: Prompt, writer: Writer) -> object:
    """Return a document of that shape about the writer's topic."""
    return _Filler(prompt, writer).fill(shape, "", _Place())


class _Filler:
    def __init__(self, prompt: Prompt, writer: Writer) -> None:
        self._prompt = prompt
        self._writer = writer

    def fill(self, shape: Shape, name: str, place: _Place, *, total: float | None = None) -> object:
        """Fill one value; `total` is the duration of the sections beside it."""
        match shape:
            case Fixed():
                return shape.value
            case Record():
                return self._fill_record(shape, place)
            case Array():
                return self._fill_array(shape, name, place)
            case Number():
                return self._fill_number(shape, name, place, total=total)
        return self._fill_text(shape, name, place)

    def _fill_record(self, record: Record, place: _Place) -> dict[str, object]:
        """Fill the lists first, because the duration of the whole is the sum of its sections'."""
        filled: dict[str, object] = {}
        total = None
        for name, inner in record.fields.items():
            if isinstance(inner, Array | Record):
                filled[name] = self.fill(inner, name, place)
                total = total or sum_seconds(filled[name])
        for name, inner in record.fields.items():
            if name not in filled:
                filled[name] = self.fill(inner, name, place, total=total)
        return {name: filled[name] for name in record.fields}

    def _fill_array(self, array: Array, name: str, place: _Place) -> list[object]:
        if not array.items:
            return []
        last = array.items[-1]
        if isinstance(last, Record):
            return self._fill_sections(array, name)
        default = len(array.items) if len(array.items) > 1 or not isinstance(last, Text) else _DEFAULT_TEXTS
        count = self._count_items(array, name, default)
        if isinstance(last, Text) and not last.options and kind_of(name, last.hint) == "keywords":
            return list(self._writer.keywords(count))
        return [self.fill(_item(array, at), name, replace(place, number=at + 1)) for at in range(count)]

    def _fill_sections(self, array: Array, name: str) -> list[object]:
        is_timed = any(map(has_time, array.items))
        total = self._prompt.total_seconds if is_timed else None
        limits = self._prompt.section_seconds or find_limits(array) or _SECTION_SECONDS
        default = len(array.items) if len(array.items) > 1 else _DEFAULT_SECTIONS
        if total and array.open_ended:
            default = max(1, -(-total // limits[1]), round(total / (sum(limits) / 2)))
        count = self._count_items(array, name, default)
        seconds = split_seconds(total, count, limits, self._writer) if count else []
        filled: list[object] = []
        for at, aspect in enumerate(self._writer.plan_sections(count)):
            place = _Place(at + 1, count, aspect, seconds[at] if is_timed else None, sum(seconds[:at]))
            filled.append(self.fill(_item(array, at), name, place))
        return filled

    def _count_items(self, array: Array, name: str, default: int) -> int:
        count = default
        if asked := self._prompt.count_of(*singular_nouns(name), limit=_MAX_ITEMS):
            count = self._writer.number(*asked)
        if array.max_items is not None:
            count = min(count, array.max_items)
        return max(count, array.min_items)

    def _fill_number(self, shape: Number, name: str, place: _Place, *, total: float | None) -> int | float:
        words = set(split_name(name))
        if is_duration(name):
            seconds = total or place.seconds or self._prompt.total_seconds or shape.sample or 60
            value = seconds * (1000 if words & {"ms", "milliseconds", "millis"} else 1)
        elif "start" in words:
            value = place.start
        elif "end" in words:
            value = place.start + (place.seconds or 0)
        elif words & POSITIONS or "id" in words:
            value = place.number
        elif shape.sample is not None:
            value = shape.sample
        else:
            value = _invent_number(shape, words, place)
        if shape.minimum is not None:
            value = max(value, shape.minimum)
        if shape.maximum is not None:
            value = min(value, shape.maximum)
        return round(value) if shape.integer else float(value)

    def _fill_text(self, shape: Text, name: str, place: _Place) -> str:
        if shape.options:
            usual = tuple(option for option in shape.options if option in _VALUES.get(kind_of(name, shape.hint), ()))
            return self._writer.choose(usual or shape.options)
        if shape.format in _FORMATS:
            return _FORMATS[shape.format]
        text = self._write(shape, name, place)
        while len(text) < shape.min_length:
            text = f"{text} {self._writer.sentences(1) or text}"
        if shape.max_length is not None and len(text) > shape.max_length:
            cut = text[: shape.max_length]
            text = cut.rpartition(" ")[0].rstrip(",;: ") or cut
        return text if len(text) >= shape.min_length else text.ljust(shape.min_length, ".")

    def _write(self, shape: Text, name: str, place: _Place) -> str:
        if is_duration(name) and (seconds := place.seconds or self._prompt.total_seconds):
            return format_seconds(seconds, shape.hint)
        kind = kind_of(name, shape.hint)
        if kind in _VALUES:
            return self._writer.choose(_VALUES[kind])
        length = _read_length(shape.hint)
        writers: dict[str, Callable[[], str]] = {
            "id": lambda: _number_id(shape.hint, name, place.number),
            "keywords": lambda: ", ".join(self._writer.keywords(3 if "," in shape.hint or name.endswith("s") else 1)),
            "shot": self._writer.shot,
            "title": lambda: self._writer.section_title(place.aspect) if place.aspect else self._writer.title(),
            "topic": lambda: self._writer.topic,
            "description": lambda: self._describe(length, place),
            "opening": lambda: self._writer.narrate(OPENING, length or Length(sentences=2)),
            "closing": lambda: self._writer.narrate(CLOSING, length or Length(sentences=2)),
            "narration": lambda: self._narrate(length, place),
        }
        if kind in writers:
            return writers[kind]()
        return self._writer.sentences((length.sentences if length else None) or 1) or self._writer.description()

    def _describe(self, length: Length | None, place: _Place) -> str:
        if place.aspect is None:
            return self._writer.description()
        return self._writer.narrate(place.aspect, length or Length(sentences=1), sections=place.count)

    def _narrate(self, length: Length | None, place: _Place) -> str:
        if place.aspect is None:
            seconds = self._prompt.total_seconds
            return self._writer.script(length or Length(words=round(seconds * WORDS_PER_SECOND) if seconds else None))
        if place.seconds and length is None:
            length = Length(words=round(place.seconds * WORDS_PER_SECOND))
        sections = place.count - place.number + 1
        return self._writer.narrate(place.aspect, length or Length(sentences=3), sections=sections)


def _item(array: Array, at: int) -> Shape:
    return array.items[min(at, len(array.items) - 1)]


def _invent_number(shape: Number, words: set[str], place: _Place) -> float:
    least, greatest = shape.minimum, shape.maximum
    if words & {"score", "confidence", "rating", "probability"}:
        low, high = least or 0, 1 if greatest is None else greatest
        return low + 0.9 * (high - low)
    if "year" in words:
        return 2026
    if words & {"count", "total"}:
        return place.count
    if least is not None and greatest is not None:
        return (least + greatest) / 2
    return least or 1


def _read_length(hint: str) -> Length | None:
    """Return the length that a placeholder names: `<two sentences to be spoken>`, `40-60 words`."""
    wish = Prompt(hint)
    words = wish.count_of("word", limit=2000)
    if words and words[1] > 3:
        return Length(words=words[1])
    sentences = wish.count_of("sentence", limit=20)
    return Length(sentences=sentences[1]) if sentences else None


def _number_id(sample: str, name: str, number: int) -> str:
    """Return an id like the sample: `section_1` becomes `section_2` in the second section."""
    if re.fullmatch(r"[\w-]*?\d+", sample):
        return re.sub(r"\d+$", str(number), sample)
    return f"{name.lower().removesuffix('id').strip('_-') or 'section'}-{number}"
