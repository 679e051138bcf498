"""Stored files: their names, their metadata, and how they are served (RFC 9110)."""

from dataclasses import dataclass, replace

import httpx2
import pytest

from electrons.app import App
from electrons.bindings import Bindings, StoredObject
from electrons.errors import ProviderError
from electrons.providers.elevenlabs import ElevenLabsProvider
from electrons.storage.media import MediaFolder, new_name
from electrons.testing import MemoryObjectStore, TestClient, TestResponse, create_memory_bindings

FOLDER = MediaFolder(
    bucket="AUDIO_STORAGE", path="/audio", not_found="Audio file not found", content_types=("audio/mpeg",)
)
PROVIDER = ElevenLabsProvider()
NAME = "0123456789abcdef0123456789abcdef.mp3"
CONTENT = bytes(range(100))
UPLOADED = 1_795_000_000.75
LAST_MODIFIED = "Wed, 18 Nov 2026 11:06:40 GMT"


def create_client(*, public_base_url: str = "") -> TestClient:
    app = App("worker")
    app.serve_media(FOLDER)
    client = TestClient(app, bindings=create_memory_bindings(clock=lambda: UPLOADED))
    client.settings = replace(client.settings, public_base_url=public_base_url)
    return client


@dataclass(frozen=True)
class Stored:
    client: TestClient
    facts: StoredObject

    async def get(self, method: str = "GET", **headers: str) -> TestResponse:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(method, f"/audio/{NAME}", headers=fields)


@pytest.fixture
async def stored() -> Stored:
    client = create_client()
    context = client.create_context("POST", "/")
    facts = await FOLDER.put_bytes(context, NAME, CONTENT, content_type="audio/mpeg", provider="p", model="m")
    return Stored(client, facts)


def bucket_of(client: TestClient) -> MemoryObjectStore:
    store = client.bindings.bucket("AUDIO_STORAGE")
    assert isinstance(store, MemoryObjectStore)
    return store


async def test_get_when_stored_then_the_file_with_all_its_headers(stored: Stored) -> None:
    answer = await stored.get()

    assert (answer.status, answer.body) == (200, CONTENT)
    fields = dict(answer.headers)
    assert fields["content-type"] == "audio/mpeg"
    assert fields["content-length"] == "100"
    assert fields["etag"] == stored.facts.etag
    assert fields["last-modified"] == LAST_MODIFIED
    assert fields["accept-ranges"] == "bytes"
    assert fields["cache-control"] == "public, max-age=31536000, immutable"
    assert fields["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-9"}, {"Range": "bytes=900-"}])
async def test_head_when_stored_then_whole_file_headers_and_no_body(stored: Stored, headers: dict[str, str]) -> None:
    answer = await stored.get("HEAD", **headers)

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers.get("Content-Length") == "100"


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=10-", 10, 99),
        ("bytes=-10", 90, 99),
        ("bytes=-1000", 0, 99),
        ("bytes=99-", 99, 99),
        ("bytes=90-1000", 90, 99),
        ("bytes=0-999999999999999999", 0, 99),
        ("Bytes= 5 - 6 ", 5, 6),
    ],
)
async def test_range_when_within_the_file_then_206_with_that_part(
    stored: Stored, asked: str, first: int, last: int
) -> None:
    answer = await stored.get(Range=asked)

    assert (answer.status, answer.body) == (206, CONTENT[first : last + 1])
    assert answer.headers.get("Content-Range") == f"bytes {first}-{last}/100"
    assert answer.headers.get("Content-Length") == str(last - first + 1)
    assert answer.headers.get("ETag") == stored.facts.etag


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=500-600"])
async def test_range_outside_the_file_is_416_with_its_size(stored: Stored, asked: str) -> None:
    answer = await stored.get(Range=asked)

    assert answer.status == 416
    assert answer.json()["error_code"] == "RANGE_NOT_SATISFIABLE"
    assert answer.headers.get("Content-Range") == "bytes */100"


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=",
        "bytes=-",
        "bytes=9-1",
        "bytes=a-b",
        "items=0-1",
        "bytes=0-1,5-6",
        "bytes=+1-2",
        "0-9",
        "bytes=\u0661-\u0669",
        f"bytes=0-{'9' * 5000}",
    ],
)
async def test_range_when_unsupported_then_whole_file(stored: Stored, asked: str) -> None:
    answer = await stored.get(Range=asked)

    assert (answer.status, answer.body) == (200, CONTENT)


@pytest.mark.parametrize(("validator", "status"), [("etag", 206), (LAST_MODIFIED, 206), ("", 206)])
async def test_if_range_when_the_file_is_still_that_one_then_the_part(
    stored: Stored, validator: str, status: int
) -> None:
    validator = stored.facts.etag if validator == "etag" else validator

    assert (await stored.get(Range="bytes=0-4", If_Range=validator)).status == status


@pytest.mark.parametrize(
    "validator", ['"other"', "weak", "Wed, 18 Nov 2026 11:06:39 GMT", "Wed, 18 Nov 2026 11:06:41 GMT", "nonsense"]
)
async def test_if_range_when_it_is_another_file_then_the_whole_one(stored: Stored, validator: str) -> None:
    validator = f"W/{stored.facts.etag}" if validator == "weak" else validator

    answer = await stored.get(Range="bytes=0-4", If_Range=validator)

    assert (answer.status, answer.body) == (200, CONTENT)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("tags", ["{}", "W/{}", '"other", {}', "*", " * "])
async def test_if_none_match_when_the_caller_has_it_then_304(stored: Stored, tags: str, method: str) -> None:
    answer = await stored.get(method, If_None_Match=tags.format(stored.facts.etag), Range="bytes=0-4")

    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers.get("ETag") == stored.facts.etag
    assert answer.headers.get("Cache-Control") == "public, max-age=31536000, immutable"
    assert answer.headers.get("Content-Length") is None


async def test_if_none_match_when_different_then_file_despite_date(stored: Stored) -> None:
    answer = await stored.get(If_None_Match='"other"', If_Modified_Since=LAST_MODIFIED)

    assert (answer.status, answer.body) == (200, CONTENT)


@pytest.mark.parametrize(
    ("since", "status"),
    [
        (LAST_MODIFIED, 304),
        ("Wed, 18 Nov 2026 11:06:41 GMT", 304),
        ("Wed, 18 Nov 2026 11:06:39 GMT", 200),
        ("yesterday", 200),
        ("Wed, 18 Nov 2026 11:06:41 -0000", 304),
    ],
)
async def test_if_modified_since_when_it_was_not_then_304(stored: Stored, since: str, status: int) -> None:
    assert (await stored.get(If_Modified_Since=since)).status == status


@pytest.mark.parametrize(
    "name",
    [
        "ffffffffffffffffffffffffffffffff.mp3",
        "0123456789abcdef0123456789abcdef.wav",
        "0123456789abcdef0123456789abcdef",
        "short.mp3",
        "..%2F..%2Fsecret",
        "%2e%2e",
        "0123456789abcdef0123456789abcdef.mp3%0a",
        "0123456789abcdef0123456789abcdef.mp3.mp3",
        "x" * 2000 + ".mp3",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_get_when_there_is_no_such_file_then_404(stored: Stored, name: str, method: str) -> None:
    answer = await stored.client.request(method, f"/audio/{name}")

    assert answer.status == 404
    if method == "GET":
        assert (answer.json()["error_code"], answer.json()["error"]) == ("NOT_FOUND", "Audio file not found")


async def test_get_when_deployment_requires_keys_then_file_needs_none(stored: Stored) -> None:
    stored.client.settings = replace(stored.client.settings, auth_mode="required")

    assert (await stored.get()).status == 200


async def test_get_when_bucket_is_not_bound_then_error_names_it() -> None:
    client = create_client()
    client.bindings = Bindings()

    answer = await client.request("GET", f"/audio/{NAME}")

    assert answer.status == 500
    assert "`AUDIO_STORAGE` is missing" in answer.json()["error"]


async def test_put_when_stored_then_all_that_is_known_is_kept_with_it() -> None:
    client = create_client()
    context = client.create_context("POST", "/")
    context.request_id = "request-1"
    context.labels.project_id = "../p 好"

    stored = await FOLDER.put_bytes(context, NAME, CONTENT, content_type="audio/mpeg", provider="p", model="m")

    assert list(bucket_of(client).objects) == [f"audio/{NAME}"]
    assert (stored.key, stored.size, stored.content_type) == (f"audio/{NAME}", 100, "audio/mpeg")
    assert stored.checksums.keys() == {"md5", "sha256"}
    metadata = dict(stored.metadata)
    assert metadata.pop("created").endswith("Z")
    assert metadata == {
        "worker": "worker",
        "request_id": "request-1",
        "provider": "p",
        "model": "m",
        "project_id": "../p 好",
    }


@pytest.mark.parametrize(
    "name", ["", "a.mp3", f"../{NAME}", f"a/{NAME}", NAME.upper(), f"{NAME}\n", "\\" * 32 + ".mp3"]
)
async def test_put_when_name_could_leave_the_folder_then_value_error(name: str) -> None:
    context = create_client().create_context("POST", "/")

    with pytest.raises(ValueError, match="not the name"):
        await FOLDER.put_bytes(context, name, CONTENT, content_type="audio/mpeg", provider="p", model="m")


def response_of(content: bytes | httpx2.AsyncByteStream) -> httpx2.Response:
    if isinstance(content, bytes):
        return httpx2.Response(200, content=content)
    return httpx2.Response(200, stream=content)


class BrokenStream(httpx2.AsyncByteStream):
    async def __aiter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204
        yield b"half"
        raise httpx2.ReadError("gone")


async def test_put_stream_when_the_body_is_whole_then_it_is_stored() -> None:
    client = create_client()

    stored = await FOLDER.put_stream(
        client.create_context("POST", "/"),
        NAME,
        response_of(CONTENT),
        content_type="video/mp4",
        provider=PROVIDER,
        model="m",
    )

    assert (stored.size, stored.content_type, stored.metadata["provider"]) == (100, "video/mp4", "elevenlabs")
    assert (await client.request("GET", f"/audio/{NAME}")).body == CONTENT


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BrokenStream(), "ElevenLabs's response was interrupted"),
        (b"", "ElevenLabs's response was interrupted"),
        (CONTENT + b"!", "larger than 100 bytes"),
    ],
)
async def test_put_stream_of_a_broken_body_stores_nothing(
    content: bytes | httpx2.AsyncByteStream, message: str
) -> None:
    client = create_client()

    with pytest.raises(ProviderError, match=message):
        await FOLDER.put_stream(
            client.create_context("POST", "/"),
            NAME,
            response_of(content),
            content_type="video/mp4",
            provider=PROVIDER,
            model="m",
            max_bytes=100,
        )

    assert bucket_of(client).objects == {}


@pytest.mark.parametrize(
    ("setting", "url"),
    [
        ("", f"https://worker.example/audio/{NAME}"),
        ("https://media.example", f"https://media.example/audio/{NAME}"),
        ("https://media.example/de/", f"https://media.example/de/audio/{NAME}"),
    ],
)
def test_url_when_base_is_set_then_below_it_else_request_origin(setting: str, url: str) -> None:
    context = create_client(public_base_url=setting).create_context("POST", "/synthesize?x=1")

    assert FOLDER.url(context, NAME) == url


def test_name_when_new_then_another_each_time() -> None:
    names = {new_name("mp3") for _ in range(100)}

    assert len(names) == 100
    assert all(len(name) == 36 and name.endswith(".mp3") for name in names)
