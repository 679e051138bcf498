"""What a field means by its name: `searchKeywords`, `visual_description`, `totalDuration`."""

import re

DURATIONS = frozenset({"duration", "durations", "seconds", "length", "secs", "time"})
POSITIONS = frozenset(
    {"number", "index", "order", "position", "section", "scene", "step", "part", "no", "nr", "sequence"}
)
SECTIONS = ("section", "scene", "segment", "part", "chapter", "clip", "slide", "shot")

# The first line with a word of the name wins, so that `imageUrl` is a URL and `voiceTone` a mood.
_KINDS = (
    ("url", "url link uri src href"),
    ("id", "id identifier slug key"),
    ("keywords", "keyword keywords tag tags query queries hashtag hashtags"),
    ("shot", "visual visuals imagery shot shots image images broll footage scenery picture prompt camera"),
    ("mood", "mood tone emotion feeling"),
    ("style", "style genre format"),
    ("transition", "transition effect"),
    ("music", "music soundtrack sound"),
    ("language", "language locale lang"),
    ("date", "date day"),
    ("audience", "audience viewers"),
    ("title", "title heading headline name label header overlay caption"),
    ("topic", "topic subject theme"),
    ("description", "description summary overview synopsis logline abstract tagline subtitle"),
    ("opening", "hook intro introduction opening"),
    ("closing", "outro conclusion cta ending action"),
    (
        "narration",
        "narration script voiceover voice spoken speech dialogue text content body transcript paragraph copy",
    ),
)
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def split_name(name: str) -> list[str]:
    """Return the words of `searchKeywords` or `search_keywords` in lower case."""
    return [word.lower() for word in _WORDS.findall(name)]


def is_duration(name: str) -> bool:
    """Return whether a field is the duration of something."""
    return not DURATIONS.isdisjoint(split_name(name))


def kind_of(name: str, hint: str) -> str:
    """Return what a string is by its name, or else by the keyword, title or narration in its hint."""
    words = set(split_name(name))
    for kind, known in _KINDS:
        if not words.isdisjoint(known.split()):
            return kind
    for kind, pattern in (
        ("keywords", r"\bkeywords?\b"),
        ("title", r"\btitle\b"),
        ("narration", r"\b(?:spoken|narration)\b"),
    ):
        if re.search(pattern, hint, re.IGNORECASE):
            return kind
    return ""


def singular_nouns(name: str) -> list[str]:
    """Return the noun of a list, and its synonyms if it is one of sections: `scenes` is also `section`, `clip` …"""
    words = split_name(name)
    if not words:
        return []
    noun = f"{words[-1][:-3]}y" if words[-1].endswith("ies") else words[-1].removesuffix("s")
    return [noun, *SECTIONS] if noun in SECTIONS else [noun]
