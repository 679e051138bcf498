"""What a prompt asks for: its topic, and the numbers of seconds, words, sentences and items that it mentions."""

import re
from dataclasses import dataclass
from functools import cached_property

from .subjects import SUBJECTS

DEFAULT_TOPIC = "the world around us"

_MAX_TOPIC_WORDS = 12
_MAX_SECONDS = 3600
_NUMBER_WORDS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
_NUMBER = rf"(\d+|{'|'.join(_NUMBER_WORDS)})"
_RANGE = rf"{_NUMBER}(?:\s*(?:-|\u2013|to|or)\s*{_NUMBER})?"
_SECONDS_RANGE = re.compile(
    r"(\d+)\s*(?:s|seconds?)?\s*(?:-|\u2013|to|and)\s*(\d+)[\s-]*(?:s|sec|secs|seconds?)\b", re.IGNORECASE
)
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)[\s-]*(s|secs?|seconds?|mins?|minutes?)\b", re.IGNORECASE)

_QUOTED = r"[“\"«]([^“”\"«»\n]{2,120})[”\"»]"
_REST = r"([^\n.!?;:{}\[\]<>]+)"
_WORK = r"(?:video|script|narration|voice-?over|film|clip|documentary|explainer|story|short|reel)s?"
# The ways in which prompts name their topic, the clearest first. The first two name nothing else in the same breath.
_TOPICS = (
    re.compile(r"^[\s*#>-]*(?:[\w-]+ )?(?:topic|subject|theme)\W*[:=]\s*(.+)$", re.IGNORECASE | re.MULTILINE),
    re.compile(rf"\b(?:about|on|titled|called|topic|subject|theme|explain\w*)\W{{1,4}}{_QUOTED}", re.IGNORECASE),
    re.compile(rf"\b(?:about|regarding|on the (?:topic|subject) of)\s+{_REST}", re.IGNORECASE),
    re.compile(rf"\b{_WORK}\s+(?:on|explaining|covering)\s+{_REST}", re.IGNORECASE),
    re.compile(_QUOTED),
    re.compile(rf"\b{_WORK}\s+(?:of|for)\s+{_REST}", re.IGNORECASE),
)
_NUMBER_OF_TOPIC_ALONE = 2
# Further wishes behind the topic: its form, its length, its audience.
_FURTHER_WISHES = re.compile(
    r"\s*[,(\u2014\u2013].*$|\s+-\s.*$"
    r"|\s+(?:in|of|with|within|using|for|at|lasting)\s+(?:(?:about|exactly|around|at least|at most|up to)\s+)?"
    rf"{_NUMBER}[\s-](?:\S+\s+){{0,2}}?(?:s|sec|second|minute|section|scene|part|word|sentence|paragraph|chapter)s?\b.*$"
    r"|\s+(?:in|with|for)\s+an?\s+(?:[\w-]+\s+){1,2}(?:tone|style|voice|audience)\b.*$"
    r"|\s+(?:that|which)\s+(?:lasts?|is|should|will|must|has|runs)\b.*$"
    r"|\s+and\s+(?:then\s+)?(?:return|respond|reply|answer|output|format|include|use|make)\b.*$"
    r"|\s+(?:as|in)\s+(?:valid\s+|strict\s+)?json\b.*$",
    re.IGNORECASE,
)
_SPOKEN = re.compile(
    r"\b(?:write|create|generate|make|draft|compose|produce|prepare|give|need|want)\b[^.?!\n]{0,100}?"
    r"\b(?:scripts?|narrations?|voice-?overs?|narrators?)\b|^\s*narrate\b",
    re.IGNORECASE,
)
_PROGRAM = re.compile(
    r"\b(?:bash|shell|python|sql|powershell|javascript|typescript|perl|ruby|cron|csv|deploy)\b", re.IGNORECASE
)
SMALL_WORDS = frozenset(
    {"a", "an", "and", "as", "at", "but", "by", "for", "from", "how", "in", "into", "is", "of", "on", "or", "our"}
    | {"that", "the", "their", "this", "to", "what", "when", "where", "which", "who", "why", "with", "your", "about"}
    | {"its", "it", "my"}
)
_NAMES = frozenset({"alps", "everest", "rome", "roman", "egypt", "vikings", "mars", "ai", "api"})
_COMMON_WORDS = SMALL_WORDS.union({"history", "story", "guide", "life"}, *(subject.words for subject in SUBJECTS))
_QUESTION_WORDS = frozenset({"How", "Why", "What", "When", "Where", "Who"})


@dataclass(frozen=True)
class Prompt:
    """A prompt without the example or schema that it contains."""

    text: str

    @cached_property
    def topic(self) -> str:
        """The topic in the prompt's own words, as it would appear within a sentence."""
        for number, pattern in enumerate(_TOPICS):
            for found in pattern.finditer(self.text):
                if topic := _clean_topic(found[1], cut=number >= _NUMBER_OF_TOPIC_ALONE):
                    return topic
        return DEFAULT_TOPIC

    @property
    def wants_script(self) -> bool:
        """Whether it asks for words to be spoken."""
        return bool(_SPOKEN.search(self.text)) and not _PROGRAM.search(self.text)

    @cached_property
    def section_seconds(self) -> tuple[int, int] | None:
        """The shortest and the longest duration of a section."""
        found = _SECONDS_RANGE.search(self.text)
        return (int(found[1]), int(found[2])) if found and 0 < int(found[1]) <= int(found[2]) else None

    @cached_property
    def total_seconds(self) -> int | None:
        """The duration of the whole video: the longest one outside a range."""
        seconds = [
            round(float(found[1]) * (60 if found[2].lower().startswith("m") else 1))
            for found in _SECONDS.finditer(_SECONDS_RANGE.sub("", self.text))
        ]
        return max((number for number in seconds if 0 < number <= _MAX_SECONDS), default=None)

    def count_of(self, *nouns: str, limit: int) -> tuple[int, int] | None:
        """Return the least and the greatest number of such things that it asks for; nouns are in the singular."""
        for noun in nouns:
            form = f"{re.escape(noun[:-1])}(?:y|ies)" if noun.endswith("y") else f"{re.escape(noun)}s?"
            pattern = rf"(?<![\w.]){_RANGE}[\s-]+(?:[\w-]+\s+){{0,2}}?{form}\b"
            for found in re.finditer(pattern, self.text, re.IGNORECASE):
                least = _parse_number(found[1])
                greatest = _parse_number(found[2]) if found[2] else least
                if 0 < least <= greatest <= limit:
                    return least, greatest
        return None


def title_case(topic: str) -> str:
    """Return a topic as a title."""
    words = topic.split()
    return " ".join(
        word if at and word in SMALL_WORDS else word[:1].upper() + word[1:] for at, word in enumerate(words)
    )


def _parse_number(text: str) -> int:
    return _NUMBER_WORDS.index(text.lower()) if text.lower() in _NUMBER_WORDS else int(text)


def _clean_topic(text: str, *, cut: bool) -> str:
    """Return a topic without markup and, with `cut`, without further wishes; empty if there is no word left."""
    text = re.sub(r"[*_`“”\"«»<>{}\[\]]", "", text)
    if cut:
        text = _FURTHER_WISHES.sub("", text)
    words = text.strip(" \t'\u2018\u2019.,;:!?-").split()[:_MAX_TOPIC_WORDS]
    if not any(character.isalpha() for word in words for character in word):
        return ""
    is_title = words[0] in _QUESTION_WORDS and all(word[:1].isupper() for word in words if word not in SMALL_WORDS)
    return " ".join(_lower_if_common(word, is_title=is_title) for word in words)


def _lower_if_common(word: str, *, is_title: bool) -> str:
    """Return a capitalised word as within a sentence; unknown ones may be names, except in the title of a question."""
    if not word.istitle() or word.lower() in _NAMES:
        return word
    return word.lower() if is_title or word.lower() in _COMMON_WORDS else word
