"""The session of a video front end that was written for the first platform, through public routes only.

It asks for a script as a JSON object and parses the response strictly, searches a clip for each section, has each
section spoken, submits the render, and polls until it has ended. It sends no field that is new on this platform.
"""

from __future__ import annotations

import io
import json
import time
from typing import Any

import av
import httpx2
import pytest

from tests.platform import Platform

SHORTEST_SECTION_SECONDS, LONGEST_SECTION_SECONDS = 15, 45
SHORTER_CLIP_SECONDS = 10
"""A clip may be this much shorter than its section."""

POLL_SECONDS = 0.5  # the front end polls every ten seconds
LABELS = {"instance_id": "front-end-1", "project_id": "video-1"}

TOPICS = ["lighthouses at night", "the history of bread", "renewable energy in cities"]

SCRIPT_PROMPT = """You are a video producer. Write the script of a video about "{topic}" for a general audience.

The video has {sections} sections, and each section lasts 15 to 45 seconds.

Return ONLY a valid JSON object in exactly this format, without markdown and without any other text:
{{
  "title": "The title of the video",
  "description": "One sentence about the video",
  "sections": [
    {{
      "id": 1,
      "title": "The title of the section",
      "narration": "The words that the narrator speaks in this section",
      "duration": 30,
      "keywords": ["keyword one", "keyword two", "keyword three"]
    }}
  ],
  "totalDuration": 90
}}"""

Document = dict[str, Any]


class FrontEnd:
    """The front end's own client, with its checks of each response. `request_ids` are those of its POST requests."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.request_ids: list[str] = []

    def post(self, worker: str, path: str, body: Document) -> Document:
        """Post a request, and return the body of the response, which must be a success."""
        response = self._platform.client(worker).post(path, json={**body, **LABELS}, timeout=60)
        assert response.is_success, response.text
        document = self._read(response)
        self.request_ids.append(document["request_id"])
        return document

    def write_script(self, topic: str, *, sections: int) -> Document:
        """Return the script that the model wrote; its text must be JSON and nothing else."""
        request = {
            "prompt": SCRIPT_PROMPT.format(topic=topic, sections=sections),
            "model": "claude-sonnet-4-20250514",
            "options": {"max_tokens": 4000, "temperature": 0.7},
        }
        response = self.post("text-gen", "/generate", request)
        script: Document = json.loads(response["text"])
        return script

    def find_clip(self, section: Document) -> Document:
        """Return a clip for a section that is nearly as long, from the first page of results."""
        request = {
            "keywords": section["keywords"],
            "orientation": "landscape",
            "size": "medium",
            "options": {"per_page": 5, "min_duration": section["duration"] - SHORTER_CLIP_SECONDS},
        }
        media = self.post("stock-media", "/search/videos", request)["media"]
        assert media, f"no clip of {section['duration'] - SHORTER_CLIP_SECONDS} s for {section['keywords']}"
        clip: Document = media[0]
        return clip

    def speak(self, section: Document) -> Document:
        """Return audio-gen's response for the narration of a section."""
        options = {"stability": 0.5, "similarity_boost": 0.75, "style": 0, "use_speaker_boost": True}
        request = {"text": section["narration"], "model_id": "eleven_multilingual_v2", "options": options}
        return self.post("audio-gen", "/synthesize", request)

    def render(self, timeline: Document) -> Document:
        """Submit a render, poll until it has ended, and return its last state."""
        output = {"format": "mp4", "resolution": "preview", "fps": 15}
        submitted = self.post("render-service", "/render", {"timeline": timeline, "output": output})
        assert submitted["status"] == "queued"
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            response = self._platform.client("render-service").get(f"/render/{submitted['render_id']}")
            assert response.status_code == 200, response.text
            state = self._read(response)
            assert state["status"] in {"queued", "fetching", "preprocessing", "rendering", "saving", "done", "failed"}
            if state["status"] in {"done", "failed"}:
                return state
        raise AssertionError(f"the render did not end: {state}")

    @staticmethod
    def _read(response: httpx2.Response) -> Document:
        body: Document = response.json()
        assert body["success"] is True
        assert body["request_id"]
        return body


def compose_timeline(sections: list[Document], clips: list[Document], speeches: list[Document]) -> Document:
    """Return the timeline: titles above clips above speech, one section after another."""
    titles: list[Document] = []
    pictures: list[Document] = []
    voices: list[Document] = []
    start = 0.0
    for section, clip, speech in zip(sections, clips, speeches, strict=True):
        length = section["duration"]
        title = {"type": "title", "text": section["title"], "style": "minimal", "size": "small"}
        titles.append({"asset": title, "start": start, "length": 3, "transition": {"in": "fade", "out": "fade"}})
        video = {"type": "video", "src": clip["url"], "volume": 0}
        pictures.append({"asset": video, "start": start, "length": min(length, clip["duration"]), "fit": "cover"})
        voice = {"type": "audio", "src": speech["audio_url"], "volume": 1}
        voices.append({"asset": voice, "start": start, "length": min(length, speech["duration_seconds"])})
        start += length
    # The picture of the last section lasts as long as the section.
    last = {"asset": {"type": "title", "text": "The end", "size": "small"}, "start": start - 2, "length": 2}
    return {"background": "#000000", "tracks": [{"clips": [*titles, last]}, {"clips": pictures}, {"clips": voices}]}


@pytest.fixture
def front_end(platform: Platform) -> FrontEnd:
    return FrontEnd(platform)


def check_script(script: Document, *, topic: str, sections: int) -> None:
    """Fail unless the script has the fields of the template, filled in and about the topic."""
    assert set(script) == {"title", "description", "sections", "totalDuration"}
    assert len(script["sections"]) == sections
    assert script["totalDuration"] == sum(section["duration"] for section in script["sections"])
    spoken = " ".join([script["title"], *(section["narration"] for section in script["sections"])]).lower()
    assert topic in spoken
    for number, section in enumerate(script["sections"], start=1):
        assert set(section) == {"id", "title", "narration", "duration", "keywords"}
        assert section["id"] == number
        assert section["title"].strip()
        assert len(section["narration"].split()) >= 10
        assert SHORTEST_SECTION_SECONDS <= section["duration"] <= LONGEST_SECTION_SECONDS
        assert len(section["keywords"]) == 3
        assert all(keyword.strip() for keyword in section["keywords"])


@pytest.mark.parametrize("topic", TOPICS)
def test_script_when_parsed_strictly_then_the_template_filled(front_end: FrontEnd, topic: str) -> None:
    check_script(front_end.write_script(topic, sections=5), topic=topic, sections=5)


@pytest.mark.parametrize("topic", TOPICS)
def test_clips_when_searched_then_nearly_as_long_as_sections(front_end: FrontEnd, topic: str) -> None:
    script = front_end.write_script(topic, sections=4)

    for section in script["sections"]:
        clip = front_end.find_clip(section)
        assert clip["type"] == "video"
        assert clip["duration"] >= section["duration"] - SHORTER_CLIP_SECONDS
        assert clip["width"] > clip["height"]
        assert clip["photographer"]


@pytest.mark.full
def test_session_when_carried_out_then_a_video_with_speech(front_end: FrontEnd, platform: Platform) -> None:
    script = front_end.write_script(TOPICS[0], sections=2)
    check_script(script, topic=TOPICS[0], sections=2)
    sections = script["sections"]
    clips = [front_end.find_clip(section) for section in sections]
    speeches = [front_end.speak(section) for section in sections]
    for speech in speeches:
        audio = platform.client("audio-gen").get(speech["audio_url"])
        assert (audio.status_code, audio.headers["Content-Type"]) == (200, "audio/mpeg")
        assert speech["duration_seconds"] > 3

    state = front_end.render(compose_timeline(sections, clips, speeches))

    assert (state["status"], state.get("error")) == ("done", None)
    video = platform.client("render-service").get(state["url"])
    assert (video.status_code, video.headers["Content-Type"]) == (200, "video/mp4")
    with av.open(io.BytesIO(video.content), mode="r") as container:
        assert container.streams.video and container.streams.audio
        assert container.duration is not None
        assert container.duration / av.time_base == pytest.approx(script["totalDuration"], abs=1)
    (row,) = platform.usage_rows(front_end.request_ids[-1])
    assert (row["worker"], row["unit"], row["output_units"]) == ("render-service", "seconds", script["totalDuration"])
    assert {name: row[name] for name in LABELS} == LABELS
