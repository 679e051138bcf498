"""Examples of JSON documents in prompts: objects over many lines with placeholders, comments and ellipses.

They are seldom valid JSON, so this parser also accepts single quotes, bare words, comments, trailing commas and `...`.
"""

import json
import re
from dataclasses import dataclass, replace

from .shapes import Array, Fixed, Number, Record, Shape, Text

_MAX_PROMPT = 50_000
_MAX_STARTS = 40
_MAX_DEPTH = 12
_START = re.compile(r"\{(?=\s*(?://[^\n]*\s*)*[\"'A-Za-z_}])|\[(?=\s*[{\"'])")
_SPACE = re.compile(r"[\s]*")
_COMMENT = re.compile(r"//([^\n]*)|/\*(.*?)\*/|#([^\n]*)", re.DOTALL)
_STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\\n]|\\.)*'", re.DOTALL)
_BARE = re.compile(r"(?:<[^<>\n]*>|[^,}\]\n/]|/(?![/*]))+")
_KEY = re.compile(r"[A-Za-z_$][\w$-]*")
_ELLIPSIS = re.compile(r"\.{3}|…")
_NUMERIC = re.compile(r"-?\d+(?:\.\d+)?")
_NUMBER_WORDS = re.compile(r"\b(?:number|integer|int|float|seconds|count)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Example:
    """An example document in a prompt, and where it is."""

    shape: Array | Record
    start: int
    end: int


class TemplateError(ValueError):
    """A text that is not an example of a JSON document."""


def find_example(prompt: str) -> Example | None:
    """Return the longest example in the prompt, or `None`."""
    if len(prompt) > _MAX_PROMPT:
        return None
    found: list[Example] = []
    for at in [match.start() for match in _START.finditer(prompt)][:_MAX_STARTS]:
        if found and at < found[-1].end:
            continue
        parser = _Parser(prompt, at)
        try:
            shape = parser.parse_value(0)
        except TemplateError:
            continue
        if isinstance(shape, Array | Record) and (shape.items if isinstance(shape, Array) else shape.fields):
            found.append(Example(shape, at, parser.at))
    return max(found, key=lambda example: example.end - example.start, default=None)


class _Parser:
    def __init__(self, text: str, at: int) -> None:
        self._text = text
        self._comment = ""
        self.at = at

    def parse_value(self, depth: int) -> Shape:
        if depth > _MAX_DEPTH:
            raise TemplateError("The example is nested too deeply")
        match self._peek():
            case "{":
                return self._parse_record(depth)
            case "[":
                return self._parse_array(depth)
            case "":
                raise TemplateError("The example has no end")
        return self._parse_scalar()

    def _parse_record(self, depth: int) -> Record:
        fields: dict[str, Shape] = {}
        self.at += 1
        while self._peek() != "}":
            if self._take(_ELLIPSIS) is None:
                key = self._parse_key()
                if self._peek() != ":":
                    raise TemplateError(f"The field {key} has no value")
                self.at += 1
                fields[key] = self.parse_value(depth + 1)
            self._end_item("}", fields)
        self.at += 1
        return Record(fields)

    def _parse_array(self, depth: int) -> Array:
        items: list[Shape] = []
        self.at += 1
        is_open = False
        while self._peek() != "]":
            if self._take(_ELLIPSIS) is None:
                items.append(self.parse_value(depth + 1))
            else:
                is_open = True
            is_open |= self._end_item("]", None)
        self.at += 1
        return Array(tuple(items), open_ended=is_open or len(items) == 1)

    def _end_item(self, end: str, fields: dict[str, Shape] | None) -> bool:
        """Skip the comma and the comments behind an item; a comment describes the field before it."""
        self._comment = ""
        following = self._peek()
        if following == ",":
            self.at += 1
            # The comment of a field is on its own line, behind the comma.
            line_end = self._text.find("\n", self.at)
            comment = _COMMENT.search(self._text, self.at, line_end if line_end >= 0 else len(self._text))
            if comment and not self._text[self.at : comment.start()].strip():
                self._comment += (comment[1] or comment[2] or comment[3] or "").strip()
                self.at = comment.end()
        elif following != end:
            raise TemplateError("The example has no comma between two items")
        if fields and self._comment:
            name = next(reversed(fields))
            fields[name] = _add_hint(fields[name], self._comment)
        return bool(re.search(r"\b(?:more|repeat|etc|and so on)\b", self._comment))

    def _parse_key(self) -> str:
        if quoted := self._take(_STRING):
            return quoted[1:-1]
        if bare := self._take(_KEY):
            return bare
        raise TemplateError("The example has a field without a name")

    def _parse_scalar(self) -> Shape:
        quoted = self._take(_STRING)
        if quoted is None:
            return _read_bare((self._take(_BARE) or "").strip())
        options = [_unquote(quoted)]
        while self._peek() == "|":
            self.at += 1
            self._peek()
            options.append(_unquote(self._take(_STRING) or self._take(_BARE) or ""))
        if len(options) > 1:
            return Text(options=tuple(option for option in options if option))
        return read_placeholder(options[0])

    def _peek(self) -> str:
        """Skip white space and comments, and return the next character."""
        while True:
            space = _SPACE.match(self._text, self.at)
            self.at = space.end() if space else self.at
            comment = _COMMENT.match(self._text, self.at)
            if comment is None:
                return self._text[self.at : self.at + 1]
            self._comment += (comment[1] or comment[2] or comment[3] or "").strip()
            self.at = comment.end()

    def _take(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self._text, self.at)
        if found is None or not found[0]:
            return None
        self.at = found.end()
        return found[0]


def read_placeholder(sample: str) -> Shape:
    """Return the shape of a string in an example: options, a number in angle brackets, or any text."""
    if re.fullmatch(r"\s*[\w -]+(?:\s*\|\s*[\w -]+)+\s*", sample):
        return Text(options=tuple(option.strip() for option in sample.split("|")))
    inner = re.fullmatch(r"\s*<(.*)>\s*|\s*\{\{?(.*?)\}?\}\s*", sample, re.DOTALL)
    if inner and (hint := inner[1] or inner[2]) and _NUMBER_WORDS.search(hint):
        return Number(hint)
    return Text(sample)


def _read_bare(token: str) -> Shape:
    if not token:
        raise TemplateError("The example has a field without a value")
    if token in {"true", "false", "null", "True", "False", "None"}:
        return Fixed({"t": True, "f": False, "n": None}[token[0].lower()])
    if _NUMERIC.fullmatch(token):
        return Number(sample=float(token), integer="." not in token)
    if re.fullmatch(r"<?bool(?:ean)?>?", token, re.IGNORECASE):
        return Fixed(True)
    if _NUMBER_WORDS.search(token) or _NUMERIC.match(token):
        return Number(token)
    return Text(token)


def _unquote(text: str) -> str:
    if not text.startswith('"'):
        return text.strip("' \n")
    try:
        return str(json.loads(text, strict=False))
    except ValueError:
        return text[1:-1]


def _add_hint(shape: Shape, comment: str) -> Shape:
    if isinstance(shape, Text | Number):
        return replace(shape, hint=f"{shape.hint} {comment}".strip())
    if isinstance(shape, Array) and shape.items:
        return replace(shape, items=(*shape.items[:-1], _add_hint(shape.items[-1], comment)))
    return shape
