"""The text of the emulated models: limits and streams for any prompt, documents for prompts that ask for them."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.emulators.text import Completion, TextRequest, complete, compose, count_tokens

_PROMPTS = st.text(max_size=200)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcABC_", min_size=1), inner, max_size=3),
    max_leaves=12,
)
# As the first platform's video front end asks: one object over many lines, comments, an ellipsis.
FRONT_END_PROMPT = """\
You write scripts for narrated videos. Create a script about "The History of Coffee".

- The video lasts 2 minutes.
- Sections last 15 to 45 seconds each.

Respond ONLY with a JSON object like this, without Markdown:
{
  "title": "Title of the video",
  "description": "What the video is about",
  "sections": [
    {
      "id": "section_1",
      "title": "Title of the section",
      "narration": "The words to be spoken...",
      "searchKeywords": ["keyword one", "keyword two", "keyword three"],
      "visualDescription": "What can be seen",
      "mood": "calm | exciting",
      "duration": 30 // seconds
    },
    ...
  ],
  "totalDuration": 120,
}
"""


def generate(prompt: str, **fields: Any) -> str:
    return compose(TextRequest("m", prompt, **fields))


def finish(prompt: str, *, max_tokens: int | None = None, stop_sequences: list[str] | None = None) -> Completion:
    return complete(TextRequest("m", prompt), max_tokens=max_tokens, stop_sequences=stop_sequences or [])


def split_sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.?!])\s+", text.strip())


@given(prompt=_PROMPTS, limit=st.none() | st.integers(0, 200))
def test_complete_when_limited_then_streams_and_counts_its_text(prompt: str, limit: int | None) -> None:
    whole = finish(prompt)
    completion = finish(prompt, max_tokens=limit)

    assert whole.text.startswith(completion.text)
    assert "".join(completion.deltas) == completion.text
    assert completion.tokens == count_tokens(completion.text)
    assert limit is None or completion.tokens <= limit
    assert completion.stopped_by == ("end" if completion.text == whole.text else "length")


@given(prompt=_PROMPTS, stops=st.lists(st.text(min_size=1, max_size=3), min_size=1, max_size=4))
def test_complete_when_stops_are_set_then_contains_none_of_them(prompt: str, stops: list[str]) -> None:
    whole = finish(prompt)
    completion = finish(prompt, stop_sequences=stops)

    assert not any(stop in completion.text for stop in stops)
    if completion.stopped_by == "stop_sequence":
        assert completion.stop_sequence in stops
        assert whole.text.startswith(f"{completion.text}{completion.stop_sequence}")
    else:
        assert completion == whole


@pytest.mark.parametrize(
    "prompt", ["Hello", 'Summarise this JSON: {"a": 1}', "Write a Python script that reads a CSV file", "", "{[\"'"]
)
def test_compose_when_plain_prompt_then_has_model_and_checksum(prompt: str) -> None:
    text = generate(prompt)

    assert text.startswith("[emulated m] You wrote “")
    assert re.search(r"\(checksum [0-9a-f]{8}\)", text)
    assert "好的" in text and "🚀" in text and "ï" in text


def test_compose_when_sections_requested_then_they_fit_video() -> None:
    document = json.loads(generate(FRONT_END_PROMPT))

    assert list(document) == ["title", "description", "sections", "totalDuration"]
    assert document["totalDuration"] == sum(section["duration"] for section in document["sections"]) == 120
    assert [section["id"] for section in document["sections"]] == [f"section_{n + 1}" for n in range(4)]
    for section in document["sections"]:
        assert 15 <= section["duration"] <= 45
        assert len(section["searchKeywords"]) == 3 and all(section["searchKeywords"])
        assert section["mood"] in {"calm", "exciting"}
        # No longer than it takes to speak it, and not much shorter.
        assert 0.5 < len(section["narration"].split()) / (2.3 * section["duration"]) <= 1
    assert "the history of coffee" in document["description"]
    assert "coffee" in " ".join(section["narration"] for section in document["sections"])


def test_compose_when_many_sections_then_no_repeated_sentence() -> None:
    document = json.loads(generate(FRONT_END_PROMPT.replace("2 minutes", "6 minutes")))

    sentences = [line for section in document["sections"] for line in split_sentences(section["narration"])]
    assert len(document["sections"]) >= 8
    assert len(sentences) == len(set(sentences))
    assert len({section["title"] for section in document["sections"]}) > 5
    assert not any("{" in line or "<" in line for line in sentences)


@pytest.mark.parametrize(
    ("prompt", "topic"),
    [
        ("Write a script about the sea at night.", "the sea at night"),
        ("Topic: Solar Energy\nWrite a voice-over.", "solar energy"),
        ("Create a 60-second narration about how bees make honey in 4 sections", "how bees make honey"),
        ('Write a script for a video titled "Why Volcanoes Erupt"', "why volcanoes erupt"),
        ("I need a narration on quantum computing, with a calm voice", "quantum computing"),
        ("Generate a script about the rise of Rome and return JSON", "the rise of Rome"),
        ("Write a documentary script covering life in Kyoto that lasts 90 seconds", "life in Kyoto"),
        ("Write a script.", "the world around us"),
    ],
)
def test_compose_when_script_is_requested_then_about_the_topic(prompt: str, topic: str) -> None:
    text = generate(prompt.replace(" and return JSON", ""))

    assert topic in text
    assert "[emulated" not in text
    assert len(split_sentences(text)) >= 4


@pytest.mark.parametrize(
    ("wish", "least", "greatest"),
    [("in three sentences", 20, 70), ("of 200 words", 120, 200), ("for a 60-second video", 80, 138)],
)
def test_compose_when_a_script_has_a_length_then_keeps_it(wish: str, least: int, greatest: int) -> None:
    words = generate(f"Write a narration {wish} about mountains").split()

    assert least <= len(words) <= greatest


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('{"scenes": [{"text": "<narration>", "keywords": ["<a keyword>"]}]}', {"scenes": 5}),
        ("{'items': [{'name': '...', 'order': 1}, ...]}", {"items": 5}),
        ("{ points: ['first point', 'second point'] }", {"points": 5}),
        ('```json\n{"keywords": ["a", "b"], /* search words */ "is_final": false}\n```', {"keywords": 5}),
    ],
)
def test_compose_when_item_count_is_requested_then_that_many(template: str, expected: dict[str, int]) -> None:
    (name,) = expected
    document = json.loads(generate(f"Topic: forests. Return JSON with five {name}:\n{template}"))

    assert {key: len(document[key]) for key in expected} == expected


def test_compose_when_placeholders_are_typed_then_types_kept() -> None:
    template = '{"title": string, "seconds": <number>, "score": 0.5, "done": false, "next": null, "kind": "a" | "b"}'
    document = json.loads(generate(f"Fill in this JSON about birds, 40 seconds:\n{template}"))

    assert isinstance(document["title"], str) and document["seconds"] == 40
    assert document["score"] == 0.5 and document["done"] is False and document["next"] is None
    assert document["kind"] in {"a", "b"}


@pytest.mark.parametrize(
    "schema",
    [
        {
            "type": "object",
            "properties": {
                "title": {"type": "string", "maxLength": 30},
                "scenes": {"type": "array", "items": {"$ref": "#/$defs/Scene"}, "minItems": 3, "maxItems": 3},
                "language": {"enum": ["en", "de"]},
                "score": {"type": "number", "minimum": 0, "maximum": 1},
                "published": {"type": ["string", "null"], "format": "date"},
                "version": {"const": 2},
            },
            "required": ["title", "scenes", "language", "score", "published", "version"],
            "additionalProperties": False,
            "$defs": {
                "Scene": {
                    "type": "object",
                    "properties": {"narration": {"type": "string", "minLength": 40}, "duration": {"type": "integer"}},
                    "required": ["narration", "duration"],
                }
            },
        },
        {"type": "array", "items": {"anyOf": [{"type": "integer", "exclusiveMinimum": 3}, {"type": "null"}]}},
        {
            "type": "object",
            "properties": {"a": {"allOf": [{"type": "object", "properties": {"b": {"type": "boolean"}}}]}},
        },
        {"type": "object", "properties": {"node": {"$ref": "#"}}},
    ],
)
def test_compose_when_there_is_a_schema_then_the_json_fits(schema: dict[str, Any]) -> None:
    chat = json.dumps({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
    other = json.dumps({"type": "json_schema", "schema": schema})
    in_prompt = f"Respond with JSON that fits this schema: {json.dumps(schema)}"

    for text in (generate("About tea", format=chat), generate("About tea", format=other), generate(in_prompt)):
        Draft202012Validator(schema).validate(json.loads(text))


def test_compose_when_any_json_object_is_wanted_then_valid_json() -> None:
    document = json.loads(generate("Describe the city of Lisbon", format='{"type": "json_object"}'))

    assert document["title"] and document["sections"]


def test_compose_when_template_is_in_instructions_then_used() -> None:
    instructions = 'Always reply with JSON: {"headline": "...", "summary": "..."}'
    document = json.loads(generate("The northern lights", instructions=instructions))

    assert list(document) == ["headline", "summary"]
    assert "northern lights" in document["summary"]


def test_compose_when_choices_differ_then_texts_differ() -> None:
    first, second = (generate(FRONT_END_PROMPT, choice=number) for number in (0, 1))

    assert first != second
    assert generate(FRONT_END_PROMPT, choice=1) == second
    assert generate("Hello", choice=1).startswith("[emulated m] You wrote “Hello (choice 1)”")


@given(
    document=st.dictionaries(st.text("abcABC_", min_size=1), _JSON, min_size=1, max_size=4),
    indent=st.none() | st.just(2),
)
def test_compose_when_any_example_then_json_with_its_keys(document: dict[str, Any], indent: int | None) -> None:
    text = generate(f"Reply with JSON like this:\n{json.dumps(document, indent=indent)}")

    assert set(json.loads(text)) == set(document)


@given(noise=st.text("{}[]\"':,/*#.<>|\\ \nab1", max_size=120))
def test_compose_when_an_example_is_broken_then_still_writes(noise: str) -> None:
    assert generate(f"Return JSON: {noise}")
