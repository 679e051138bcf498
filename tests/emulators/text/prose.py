"""Plain English about a topic, in an order that depends on a seed: titles, narrations, keywords, descriptions of shots.

A writer never uses a sentence twice.
"""

import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice, zip_longest

from .aspects import CLOSING, DESCRIPTIONS, MIDDLE, OPENING, TITLES, Aspect
from .prompts import SMALL_WORDS, title_case
from .subjects import GENERAL_KEYWORDS, SUBJECTS

WORDS_PER_SECOND = 2.3

_WORDS_PER_PARAGRAPH = 50
_MAX_FACTS = 3
_QUESTION = re.compile(r"(?:how|why|what|when|where|who|whether)\b", re.IGNORECASE)
_SHOTS = (
    "Slow, wide shot: {keyword}, in soft light.",
    "Close-up: {keyword}, with a shallow depth of field.",
    "Steady pan from left to right across {keyword}.",
    "View from above: {keyword}, in the early morning.",
)


@dataclass(frozen=True, slots=True)
class Length:
    """How long a narration may be; without both limits, three sentences."""

    words: int | None = None
    sentences: int | None = None

    def allows(self, sentences: list[str]) -> bool:
        """Return whether the sentences are within the limits; one sentence always is."""
        if len(sentences) <= 1:
            return True
        if self.words is None:
            return len(sentences) <= (self.sentences or 3)
        return count_words(sentences) <= self.words and (self.sentences is None or len(sentences) <= self.sentences)


def count_words(sentences: Iterable[str]) -> int:
    """Return the number of words in the sentences."""
    return sum(len(sentence.split()) for sentence in sentences)


def _deal(decks: list[list[str]]) -> Iterator[str]:
    """Yield one sentence of each deck in turn until all are empty; a deck may be in the list several times."""
    while any(decks):
        for deck in decks:
            if deck:
                yield deck.pop()


class Writer:
    """The author of one document about a topic."""

    def __init__(self, topic: str, *, seed: int) -> None:
        self.topic = topic
        self._random = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self._subject = f"the story of {topic}" if _QUESTION.match(topic) else topic
        words = re.findall(r"\w+", topic.lower())
        known = [subject for subject in SUBJECTS if subject.words.intersection(words)]
        decks = [self._random.sample(subject.sentences, len(subject.sentences)) for subject in known]
        # Most facts are about the first subject, which is the most specific one.
        order = [deck for deck in decks[:1] for _ in range(_MAX_FACTS)] + decks[1:]
        self._facts = list(_deal(order))
        self._titles = iter(self._random.sample(TITLES, len(TITLES)))
        self._descriptions = iter(self._random.sample(DESCRIPTIONS, len(DESCRIPTIONS)))
        self._unused: dict[Aspect, list[str]] = {
            aspect: [self._mention(sentence) for sentence in aspect.sentences] for aspect in (OPENING, *MIDDLE, CLOSING)
        }
        own = [word for word in topic.split() if word.lower() not in SMALL_WORDS]
        found = [keyword for row in zip_longest(*(subject.keywords for subject in known)) for keyword in row if keyword]
        general = self._random.sample(GENERAL_KEYWORDS, len(GENERAL_KEYWORDS))
        self._keywords = cycle(dict.fromkeys(found or [" ".join(own[:3]) or "landscape", *general]))

    def title(self) -> str:
        """Return a title for the whole document."""
        if _QUESTION.match(self.topic):
            return title_case(self.topic)
        return title_case(next(self._titles, "About {subject}").format(subject=self.topic))

    def description(self) -> str:
        """Return one sentence that describes the whole document."""
        return self._mention(next(self._descriptions, DESCRIPTIONS[0]))

    def plan_sections(self, count: int) -> list[Aspect]:
        """Return what each section is about: an opening, some of the aspects in their order, and a closing."""
        if count <= 1:
            return [OPENING]
        chosen = sorted(self._random.sample(range(len(MIDDLE)), min(count - 2, len(MIDDLE))))
        middle = [MIDDLE[at] for at in chosen] + list(islice(cycle(MIDDLE), max(0, count - 2 - len(MIDDLE))))
        return [OPENING, *middle, CLOSING]

    def section_title(self, aspect: Aspect) -> str:
        """Return a title for a section."""
        return aspect.titles[self._random.randrange(len(aspect.titles))]

    def narrate(self, aspect: Aspect, length: Length, *, sections: int = 1) -> str:
        """Return the narration of one of so many sections."""
        own = self._unused[aspect]
        share = min(_MAX_FACTS, -(-len(self._facts) // max(1, sections)))
        first = [] if aspect in MIDDLE else own[:1]
        last = own[-1:] if aspect is CLOSING and len(own) > 1 else []
        middle = own[len(first) : len(own) - len(last)]
        chosen: list[str] = []
        for sentence in (*first, *self._facts[:share], *middle, *self._facts[share:], *self._others(aspect)):
            if not length.allows([*chosen, sentence, *last]):
                break
            chosen.append(sentence)
        return " ".join(self._use([*chosen, *last]))

    def script(self, length: Length) -> str:
        """Return a whole narration, one paragraph for each aspect."""
        if length.words is None:
            sentences = length.sentences or 8
            return self.narrate(OPENING, Length(sentences=sentences))
        count = max(1, round(length.words / _WORDS_PER_PARAGRAPH))
        aspects = self.plan_sections(count)
        share = Length(words=length.words // len(aspects))
        return "\n\n".join(self.narrate(aspect, share, sections=len(aspects) - at) for at, aspect in enumerate(aspects))

    def sentences(self, count: int) -> str:
        """Return some sentences that fit anywhere."""
        chosen = list(islice((*self._facts, *self._others(OPENING)), count))
        return " ".join(self._use(chosen))

    def keywords(self, count: int) -> list[str]:
        """Return search words for stock media, others than the last time as far as there are any."""
        return list(dict.fromkeys(islice(self._keywords, count)))

    def shot(self) -> str:
        """Return the description of a picture."""
        template = _SHOTS[self._random.randrange(len(_SHOTS))]
        return template.format(keyword=next(self._keywords))

    def choose(self, options: tuple[str, ...]) -> str:
        """Return one of the options."""
        return options[self._random.randrange(len(options))]

    def number(self, least: int, greatest: int) -> int:
        """Return a whole number between two others."""
        return self._random.randint(least, greatest)

    def _mention(self, sentence: str) -> str:
        return sentence.format(topic=self.topic, subject=self._subject)

    def _others(self, aspect: Aspect) -> Iterator[str]:
        """Yield the sentences of other aspects, for when one has no more of its own."""
        for other in MIDDLE:
            if other is not aspect:
                yield from self._unused[other]

    def _use(self, sentences: list[str]) -> list[str]:
        used = set(sentences)
        self._facts = [fact for fact in self._facts if fact not in used]
        self._unused = {
            aspect: [sentence for sentence in left if sentence not in used] for aspect, left in self._unused.items()
        }
        return sentences
