"""The requests of `npm run bench:edge`: for each route a typical one, and the worst legal and illegal ones."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

MEBIBYTE = 1024 * 1024
VALUES = 49_000
"""Just below the number of values that a body may have."""

Plan = Literal["free", "paid"]

PLANS: Mapping[str, Plan] = {"image-gen": "paid", "render-service": "paid", "sandbox-executor": "paid"}
"""The Workers plan that a worker needs for its typical requests, if not the free one; the README says so."""

NUMBER = "00000"
"""Stands for another number in each typical request that has it."""

GPT, CLAUDE = "gpt-4o-mini", "claude-sonnet-4-6"
_WITHOUT_STREAM = ("/v1/messages/count_tokens", "/v1/embeddings")


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One kind of request. A typical one has to stay within the limits of the worker's plan.

    With `has_key`, each has an `Idempotency-Key` of its own.
    """

    title: str
    path: str
    method: str = "POST"
    body: bytes | None = None
    is_typical: bool = False
    has_key: bool = False

    def number(self, number: int) -> bytes | None:
        """Return the body of one of these requests."""
        return self.body.replace(NUMBER.encode(), b"%05d" % number) if self.body and self.is_typical else self.body


def build_inputs(worker: str) -> Iterator[Input]:
    """Yield the requests of one worker: those for any, and its own in `INPUTS`, if it has some yet."""
    yield Input(title=f"{worker}: GET /health", path="/health", method="GET", is_typical=True)
    for path in ("/", "/openapi.json", "/docs", "/docs/swagger-ui-bundle.js", "/metrics"):
        yield get(path)
    if worker in INPUTS:
        yield from INPUTS[worker]()


def get(path: str, *, is_typical: bool = False) -> Input:
    """Return a request without a body."""
    return Input(title=f"GET {path}", path=path, method="GET", is_typical=is_typical)


def post(title: str, path: str, document: Any, *, is_typical: bool = False, has_key: bool = False) -> Input:
    """Return a request with a JSON body."""
    return Input(title=title, path=path, body=_write(document), is_typical=is_typical, has_key=has_key)


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
    yield from hostile("/generate/stream", 8 * MEBIBYTE, prompt)
    yield get("/v1/models", is_typical=True)
    yield get("/v1/models/gpt-4o-mini", is_typical=True)
    yield get("/v1/usage", is_typical=True)
    question = [{"role": "user", "content": "Tell me about the sea."}]
    own: dict[str, dict[str, Any]] = {
        "/v1/chat/completions": {"model": GPT, "messages": question},
        "/v1/messages": {"model": CLAUDE, "max_tokens": 1000, "messages": question},
        "/v1/messages/count_tokens": {"model": CLAUDE, "messages": question},
        "/v1/responses": {"model": GPT, "input": question},
        "/v1/embeddings": {"model": "text-embedding-3-small", "input": "the sea"},
    }
    for path, document in own.items():
        yield post(path, path, document, is_typical=True)
        if path not in _WITHOUT_STREAM:
            yield from conversations(path, document)
        yield from hostile(path, 8 * MEBIBYTE, document)
    many = {**own["/v1/embeddings"], "input": [" ".join(f"word{i}" for i in range(40))] * 2048}
    yield post("/v1/embeddings: most inputs", "/v1/embeddings", many)
    yield post("/v1/embeddings: most inputs, base64", "/v1/embeddings", {**many, "encoding_format": "base64"})
    yield post("/v1/embeddings: most inputs, with a key", "/v1/embeddings", many, has_key=True)
    chat = {**own["/v1/chat/completions"], "n": 128, "stream": True}
    for title, members in {"edited": {}, "handed on": {"stream_options": {"include_usage": True}}}.items():
        yield post(
            f"/v1/chat/completions: 128 choices, {title}, key",
            "/v1/chat/completions",
            {**chat, **members},
            has_key=True,
        )


def conversations(path: str, document: Mapping[str, Any]) -> Iterator[Input]:
    """Yield what a vendor's route takes: of the model of the format's own vendor, and of another vendor's."""
    name = "input" if "input" in document else "messages"
    picture = base64.b64encode(bytes(5 * MEBIBYTE)).decode()
    pictures: dict[str, dict[str, Any]] = {
        "/v1/chat/completions": {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}},
        "/v1/messages": {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": picture}},
        "/v1/responses": {"type": "input_image", "image_url": f"data:image/png;base64,{picture}"},
    }
    turns = [{"role": role, "content": "Yes"} for role in ("user", "assistant")] * (VALUES // 8)
    worst: dict[str, dict[str, Any]] = {
        "stream": {"stream": True},
        "most messages": {name: [*turns, turns[0]]},
        "most messages, stream": {name: [*turns, turns[0]], "stream": True},
        "longest message": {name: [{"role": "user", "content": "x" * (7 * MEBIBYTE)}]},
        "longest message, wide": {name: [{"role": "user", "content": "Ж" * (7 * MEBIBYTE // 2)}]},
        "largest picture": {name: [{"role": "user", "content": [pictures[path]]}]},
    }
    translated = {**document, "model": CLAUDE if document["model"] == GPT else GPT}
    yield post(f"{path}: translated", path, translated, is_typical=True)
    for vendor, request in (("own", document), ("translated", translated)):
        for title, members in worst.items():
            yield post(f"{path}: {vendor}, {title}", path, {**request, **members}, is_typical=title == "stream")


def audio_gen() -> Iterator[Input]:
    """Yield the requests of audio-gen."""
    spoken = "All the rivers run into the sea, yet the sea is not full. "
    text = {"text": spoken}
    yield get("/voices", is_typical=True)
    yield post("/synthesize", "/synthesize", text, is_typical=True)
    longest = (spoken * 100)[:5000].strip()
    yield post("/synthesize: longest text", "/synthesize", {"text": longest})
    yield post("/synthesize: longest text, timestamps", "/synthesize", {"text": longest, "timestamps": True})
    wav = {"text": longest, "options": {"output_format": "pcm_48000"}}
    yield post("/synthesize: longest text, PCM", "/synthesize", wav)
    yield from hostile("/synthesize", MEBIBYTE, text)
    speech = {"model": "tts-1", "voice": "alloy", "input": spoken}
    yield post("/v1/audio/speech", "/v1/audio/speech", speech, is_typical=True)
    largest = {**speech, "input": longest[:4096], "response_format": "wav"}
    yield post("/v1/audio/speech: longest text, WAV", "/v1/audio/speech", largest)
    yield post(
        "/v1/audio/speech: longest text, translated",
        "/v1/audio/speech",
        {**largest, "model": "elevenlabs:eleven_multilingual_v2"},
    )
    yield from hostile("/v1/audio/speech", MEBIBYTE, speech)
    yield get("/audio/unknown.mp3")


def stock_media() -> Iterator[Input]:
    """Yield the requests of stock-media."""
    search = {"keywords": ["ocean"]}
    most = {"per_page": 80, "min_width": 100}
    for path in ("/search/videos", "/search/photos", "/search"):
        yield post(path, path, search, is_typical=True)
        yield post(f"{path}: most results", path, {**search, "options": most})
        yield post(f"{path}: bounds that nothing meets", path, {**search, "options": {**most, "min_width": 9000}})
        yield from hostile(path, MEBIBYTE, search)


def image_gen() -> Iterator[Input]:
    """Yield the requests of image-gen."""
    prompt = {"prompt": "A lighthouse"}
    yield post("/generate", "/generate", prompt, is_typical=True)
    yield post("/generate: most images", "/generate", {**prompt, "options": {"num_images": 8}})
    largest = {"num_images": 4, "quality": "high", "resolution": "1536x1024"}
    openai = {**prompt, "model": "openai:gpt-image-1"}
    yield post("/generate: OpenAI, in the answer", "/generate", {**openai, "options": largest})
    yield from hostile("/generate", MEBIBYTE, prompt)
    path = "/v1/images/generations"
    own = {**prompt, "model": "gpt-image-1"}
    yield post(path, path, own, is_typical=True)
    large = {**own, "n": 8, "quality": "high", "size": "1536x1024"}
    yield post(f"{path}: most images", path, large)
    yield post(f"{path}: most images, as links", path, {**large, "response_format": "url"})
    other = {**prompt, "model": "ideogram:V_3", "n": 8, "response_format": "b64_json"}
    yield post(f"{path}: most images, Ideogram", path, other)
    yield from hostile(path, MEBIBYTE, own)
    yield get("/images/unknown.png")


def render_service() -> Iterator[Input]:
    """Yield the requests of render-service."""
    clip = {"asset": {"type": "title", "text": "x"}, "start": 0, "length": 1}
    edit = {"timeline": {"tracks": [{"clips": [clip]}]}, "output": {"format": "mp4", "resolution": "sd"}}
    yield post("/render", "/render", edit, is_typical=True)
    many = {**edit, "timeline": {"tracks": [{"clips": [clip] * 2000}]}}
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
    yield get("/render/")
    yield get("/render/unknown")
    yield from hostile("/webhooks/shotstack/unknown", 64 * 1024, {"type": "edit", "id": "unknown", "status": "done"})
    yield get("/renders/unknown.mp4")


def sandbox_executor() -> Iterator[Input]:
    """Yield the requests of sandbox-executor."""
    code = "export default { fetch: () => new Response('hello') }"
    task = {"task": "Write a Worker that greets"}
    for path in ("/execute", "/execute/stream"):
        yield post(path, path, task, is_typical=True)
        yield post(f"{path}: longest context", path, {**task, "context": "x" * 100_000})
        yield from hostile(path, 2 * MEBIBYTE, task)
    yield get("/execute/unknown", is_typical=True)
    deployment = {"worker_name": "bench", "code": code}
    numbered = {**deployment, "worker_name": f"bench-{NUMBER}"}
    yield post("/deploy", "/deploy", numbered, is_typical=True)
    yield post("/deploy: four at once", "/deploy", deployment)
    large = "//" + "x" * (5 * MEBIBYTE)
    yield post("/deploy: large code", "/deploy", {"worker_name": "bench-large", "code": f"{code}\n{large}"})
    yield from hostile("/deploy", 7 * MEBIBYTE, deployment)
    yield get("/deploy/bench", is_typical=True)
    yield Input(title="/deploy/{name}/rollback", path="/deploy/bench/rollback")
    yield Input(title="DELETE /deploy/{name}", path="/deploy/bench", method="DELETE")
    commit = {"repo": "demo/hello-worker", "branch": "main", "message": "Change", "create_branch": True}
    note = {**commit, "branch": f"note-{NUMBER}", "files": [{"path": "note.md", "content": "Note"}]}
    yield post("/github/commit", "/github/commit", note, is_typical=True)
    content = base64.b64encode(bytes(4 * MEBIBYTE)).decode()
    one = [{"path": "large.bin", "content": content, "encoding": "base64"}]
    yield post("/github/commit: one large file", "/github/commit", {**commit, "branch": "one-large", "files": one})
    many = [{"path": f"notes/{i}.md", "content": f"Note {i}"} for i in range(500)]
    yield post("/github/commit: most files", "/github/commit", {**commit, "branch": "most", "files": many})
    yield from hostile("/github/commit", 7 * MEBIBYTE, {**commit, "files": [{"path": "a", "content": "a"}]})


def _write(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


INPUTS: Mapping[str, Callable[[], Iterator[Input]]] = {
    "text-gen": text_gen,
    "audio-gen": audio_gen,
    "stock-media": stock_media,
    "image-gen": image_gen,
    "render-service": render_service,
    "sandbox-executor": sandbox_executor,
}
