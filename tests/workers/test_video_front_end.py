"""The session of a video production front end, against the public routes alone: script, speech, clips, video."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.platform import Platform
from tests.workers.renders import SMALL
from tests.workers.shapes import success_of

TOPIC = "the history of lighthouses"
PROMPT = f"""You are a video scriptwriter. Write a script for a video about "{TOPIC}" in 3 sections.

Return only a JSON object in exactly this format, without any other text:
{{
  "title": "The title of the video",
  "description": "One sentence about the video",
  "sections": [
    {{
      "narration": "The words that are spoken in this section",
      "duration": 30,
      "keywords": ["keyword for stock footage", "another keyword"]
    }}
  ]
}}

Each section lasts from 15 to 45 seconds.
"""
POLL_SECONDS = 0.5
"""The front end polls every ten seconds; a test need not."""

Document = dict[str, Any]


def write_script(platform: Platform, model: str) -> Document:
    body = {"prompt": PROMPT, "model": model, "options": {"temperature": 0.7, "max_tokens": 2000}}
    script: Document = json.loads(success_of(platform.client("text-gen").post("/generate", json=body))["text"])
    return script


@pytest.mark.parametrize("model", ["anthropic:claude-sonnet-4-20250514", "openai:gpt-4o-mini"])
def test_script_when_a_json_template_is_sent_then_it_is_filled(platform: Platform, model: str) -> None:
    script = write_script(platform, model)

    assert script.keys() == {"title", "description", "sections"}
    assert "lighthouses" in script["title"].lower()
    assert len(script["sections"]) == 3
    for section in script["sections"]:
        assert section.keys() == {"narration", "duration", "keywords"}
        assert 15 <= section["duration"] <= 45
        assert len(section["narration"].split()) > 5
        assert all(isinstance(keyword, str) and keyword for keyword in section["keywords"])
    assert len({section["narration"] for section in script["sections"]}) == 3


def test_clips_when_a_section_is_long_then_one_is_found(platform: Platform) -> None:
    for duration in (15, 30, 45):
        wanted = {
            "keywords": ["lighthouse", "sea"],
            "orientation": "landscape",
            "options": {"min_duration": duration - 10, "per_page": 5},
        }
        media = success_of(platform.client("stock-media").post("/search/videos", json=wanted))["media"]

        assert media
        assert all(clip["duration"] >= duration - 10 and clip["width"] >= clip["height"] for clip in media)


def test_video_when_every_step_is_called_then_it_is_rendered(platform: Platform) -> None:
    script = write_script(platform, "anthropic:claude-sonnet-4-20250514")
    pictures: list[Document] = []
    voices: list[Document] = []
    at = 0.0
    for section in script["sections"]:
        spoken = success_of(platform.client("audio-gen").post("/synthesize", json={"text": section["narration"]}))
        least = max(5, min(spoken["duration_seconds"], section["duration"] - 10))
        search = {"keywords": section["keywords"], "options": {"min_duration": least}}
        clip = success_of(platform.client("stock-media").post("/search/videos", json=search))["media"][0]
        length = round(min(spoken["duration_seconds"], clip["duration"]), 2)
        pictures.append({"asset": {"type": "video", "src": clip["url"]}, "start": at, "length": length})
        voices.append({"asset": {"type": "audio", "src": spoken["audio_url"]}, "start": at, "length": length})
        at = round(at + length, 2)
    edit = {"timeline": {"tracks": [{"clips": pictures}, {"clips": voices}]}, "output": SMALL}

    started = platform.client("render-service").post("/render", json=edit)

    assert started.status_code == 202
    render = started.json()
    deadline = time.monotonic() + 120
    while render["status"] not in {"done", "failed"} and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        render = platform.client("render-service").get(f"/render/{started.json()['render_id']}").json()
    assert render["status"] == "done", render
    video = platform.client("render-service").get("/renders/" + render["url"].rsplit("/", 1)[1])
    assert (video.status_code, video.headers["Content-Type"]) == (200, "video/mp4")
