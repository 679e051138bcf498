"""The requests of `npm run bench:edge`: for each route a typical one, and the worst legal and illegal ones."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MEBIBYTE = 1024 * 1024
VALUES = 49_000
"""Just below the number of values that a body may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One kind of request. A typical one has to stay within the free plan's limits."""

    title: str
    path: str
    method: str = "POST"
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_typical: bool = False


def build_inputs(worker: str) -> list[Input]:
    """Return the requests of one worker; what every route must survive comes last."""
    return [
        Input(title=f"{worker}: GET /health", path="/health", method="GET", is_typical=True),
        *_INPUTS[worker](),
    ]


def post(title: str, path: str, document: Any, *, is_typical: bool = False) -> Input:
    """Return a request with a JSON body."""
    return Input(title=title, path=path, body=_write(document), is_typical=is_typical)


def hostile(path: str, limit: int, document: Mapping[str, Any]) -> Iterator[Input]:
    """Yield what any route with a body can be sent; `document` is a valid one, `limit` the route's, in bytes."""
    plain = _write(document)
    room = limit - len(plain) - 100
    many = [0] * VALUES
    yield post(f"{path}: wrong type, at the limit", path, {"a" * 20: "x" * room, next(iter(document)): 5})
    yield post(f"{path}: unknown field, at the limit", path, {**document, "unknown": "x" * room})
    yield post(f"{path}: many values", path, {**document, "unknown": many})
    yield post(f"{path}: many objects", path, {**document, "unknown": [{"a": {}}] * (VALUES // 3)})
    yield post(f"{path}: too many values", path, {**document, "unknown": [0] * (limit // 4)})
    yield post(f"{path}: many unknown fields", path, {**document, **{f"f{i}": 0 for i in range(VALUES // 2)}})
    yield Input(title=f"{path}: nested to the limit", path=path, body=b'{"a":' + b"[" * room + b"]}")
    yield Input(title=f"{path}: not JSON, at the limit", path=path, body=b"x" * limit)
    yield Input(title=f"{path}: escapes, at the limit", path=path, body=b'{"a":"' + b"\\u0416" * (room // 6) + b'"}')
    yield Input(title=f"{path}: larger than the limit", path=path, body=b"x" * (limit + 1))


def text_gen() -> Iterator[Input]:
    """Yield the requests of text-gen."""
    prompt = {"prompt": "Tell me about the sea."}
    yield post("/generate", "/generate", prompt, is_typical=True)
    yield post("/generate/stream", "/generate/stream", prompt, is_typical=True)
    yield post("/generate: longest prompt", "/generate", {"prompt": "x" * 1_000_000})
    yield post("/generate: longest prompt, wide", "/generate", {"prompt": "😀" * 1_000_000})
    long = {"prompt": "x", "options": {"system_prompt": "Ж" * 1_000_000}}
    yield post("/generate/stream: longest system prompt", "/generate/stream", long)
    yield from hostile("/generate", 8 * MEBIBYTE, prompt)


def audio_gen() -> Iterator[Input]:
    """Yield the requests of audio-gen."""
    spoken = "All the rivers run into the sea, yet the sea is not full. "
    text = {"text": spoken}
    yield Input(title="/voices", path="/voices", method="GET", is_typical=True)
    yield post("/synthesize", "/synthesize", text, is_typical=True)
    longest = (spoken * 100)[:5000].strip()
    yield post("/synthesize: longest text", "/synthesize", {"text": longest})
    yield post("/synthesize: longest text, timestamps", "/synthesize", {"text": longest, "timestamps": True})
    wav = {"text": longest, "options": {"output_format": "pcm_48000"}}
    yield post("/synthesize: longest text, PCM", "/synthesize", wav)
    yield from hostile("/synthesize", MEBIBYTE, text)


def stock_media() -> Iterator[Input]:
    """Yield the requests of stock-media."""
    search = {"keywords": ["ocean"]}
    yield post("/search/videos", "/search/videos", search, is_typical=True)
    most = {"keywords": ["ocean"], "options": {"per_page": 80, "min_duration": 5, "min_width": 100}}
    yield post("/search: most results", "/search", most)
    none = {"keywords": ["ocean"], "options": {"per_page": 80, "min_duration": 5, "max_duration": 6, "min_width": 9000}}
    yield post("/search/videos: bounds that nothing meets", "/search/videos", none)
    yield from hostile("/search/videos", MEBIBYTE, search)


def image_gen() -> Iterator[Input]:
    """Yield the requests of image-gen."""
    prompt = {"prompt": "A lighthouse"}
    yield post("/generate", "/generate", prompt, is_typical=True)
    yield post("/generate: most images", "/generate", {**prompt, "options": {"num_images": 8}})
    largest = {"num_images": 4, "quality": "high", "resolution": "1536x1024"}
    yield post(
        "/generate: OpenAI, in the answer", "/generate", {**prompt, "model": "openai:gpt-image-1", "options": largest}
    )
    yield from hostile("/generate", MEBIBYTE, prompt)


def render_service() -> Iterator[Input]:
    """Yield the requests of render-service."""
    clip = {"asset": {"type": "title", "text": "x"}, "start": 0, "length": 1}
    edit = {"timeline": {"tracks": [{"clips": [clip]}]}, "output": {"format": "mp4", "resolution": "sd"}}
    yield post("/render", "/render", edit, is_typical=True)
    many = {**edit, "timeline": {"tracks": [{"clips": [clip] * 3000}]}}
    yield post("/render: many clips", "/render", many)
    merges = [{"find": f"NAME{i}", "replace": "y" * 100} for i in range(100)]
    text = "".join(f"{{{{NAME{i}}}}}" for i in range(100))
    merged = {
        **edit,
        "merge": merges,
        "timeline": {"tracks": [{"clips": [{**clip, "asset": {"type": "title", "text": text}}] * 50}]},
    }
    yield post("/render: many merge fields", "/render", merged)
    yield from hostile("/render", 4 * MEBIBYTE, edit)


def sandbox_executor() -> Iterator[Input]:
    """Yield the requests of sandbox-executor."""
    code = "export default { fetch: () => new Response('hello') }"
    task = {"task": "Write a Worker that greets"}
    yield post("/execute", "/execute", task)
    yield post("/execute/stream", "/execute/stream", task)
    yield post("/execute: longest context", "/execute", {**task, "context": "x" * 100_000})
    deployment = {"worker_name": "bench", "code": code}
    yield post("/deploy", "/deploy", deployment)
    large = "//" + "x" * (5 * MEBIBYTE)
    yield post("/deploy: large code", "/deploy", {"worker_name": "bench-large", "code": f"{code}\n{large}"})
    commit = {"repo": "demo/hello-worker", "branch": "main", "message": "Change", "create_branch": True}
    content = base64.b64encode(bytes(4 * MEBIBYTE)).decode()
    one = [{"path": "large.bin", "content": content, "encoding": "base64"}]
    yield post("/github/commit: one large file", "/github/commit", {**commit, "branch": "one-large", "files": one})
    many = [{"path": f"notes/{i}.md", "content": f"Note {i}"} for i in range(500)]
    yield post("/github/commit: most files", "/github/commit", {**commit, "branch": "most", "files": many})
    yield from hostile("/execute", 2 * MEBIBYTE, task)
    yield from hostile("/deploy", 7 * MEBIBYTE, deployment)
    yield from hostile("/github/commit", 7 * MEBIBYTE, {**commit, "files": [{"path": "a", "content": "a"}]})


def _write(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


_INPUTS: Mapping[str, Callable[[], Iterator[Input]]] = {
    "text-gen": text_gen,
    "audio-gen": audio_gen,
    "stock-media": stock_media,
    "image-gen": image_gen,
    "render-service": render_service,
    "sandbox-executor": sandbox_executor,
}
