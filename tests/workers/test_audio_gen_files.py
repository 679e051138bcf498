"""`GET|HEAD /audio/{name}` on workerd: the whole file, ranges, conditions, and unknown names."""

from typing import Any

import pytest

from tests.platform import Platform
from tests.workers.shapes import error_of
from tests.workers.speech import fetch, speak

IMMUTABLE = "public, max-age=31536000, immutable"


@pytest.fixture
def spoken(platform: Platform) -> dict[str, Any]:
    return speak(platform)


@pytest.fixture
def content(platform: Platform, spoken: dict[str, Any]) -> bytes:
    return fetch(platform, spoken["audio_url"]).content


def test_get_when_stored_then_every_header(platform: Platform, spoken: dict[str, Any]) -> None:
    answer = fetch(platform, spoken["audio_url"])

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert answer.headers["Content-Length"] == str(len(answer.content)) == str(spoken["metadata"]["size_bytes"])
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Cache-Control"] == IMMUTABLE
    assert answer.headers["ETag"].startswith('"')
    assert answer.headers["Last-Modified"].endswith(" GMT")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "RateLimit" not in answer.headers


def test_head_when_stored_then_the_same_headers_and_no_body(platform: Platform, spoken: dict[str, Any]) -> None:
    whole = fetch(platform, spoken["audio_url"])

    answer = fetch(platform, spoken["audio_url"], method="HEAD")

    assert (answer.status_code, answer.content) == (200, b"")
    for name in ("Content-Type", "Content-Length", "Accept-Ranges", "Cache-Control", "ETag", "Last-Modified"):
        assert answer.headers[name] == whole.headers[name]


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=100-199", slice(100, 200)),
        ("bytes=1000-", slice(1000, None)),
        ("bytes=-500", slice(-500, None)),
        ("bytes=-99999999", slice(None)),
    ],
)
def test_range_when_within_then_206_with_that_part(
    platform: Platform, spoken: dict[str, Any], content: bytes, asked: str, part: slice
) -> None:
    answer = fetch(platform, spoken["audio_url"], Range=asked)

    first, stop, _ = part.indices(len(content))
    assert (answer.status_code, answer.content) == (206, content[part])
    assert answer.headers["Content-Range"] == f"bytes {first}-{stop - 1}/{len(content)}"
    assert answer.headers["Content-Length"] == str(stop - first)
    assert answer.headers["Cache-Control"] == IMMUTABLE


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0"])
def test_range_outside_is_416_with_the_size(
    platform: Platform, spoken: dict[str, Any], content: bytes, asked: str
) -> None:
    answer = fetch(platform, spoken["audio_url"], Range=asked)

    error_of(answer, 416, "RANGE_NOT_SATISFIABLE")
    assert answer.headers["Content-Range"] == f"bytes */{len(content)}"


@pytest.mark.parametrize("asked", ["bytes=9-1", "bytes=0-1,3-4", "lines=1-2"])
def test_unsupported_range_is_the_whole_file(
    platform: Platform, spoken: dict[str, Any], content: bytes, asked: str
) -> None:
    answer = fetch(platform, spoken["audio_url"], Range=asked)

    assert (answer.status_code, answer.content) == (200, content)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("tags", ["{}", "W/{}", '"x", {}', "*"])
def test_if_none_match_when_the_caller_has_it_then_304(
    platform: Platform, spoken: dict[str, Any], tags: str, method: str
) -> None:
    etag = fetch(platform, spoken["audio_url"], method="HEAD").headers["ETag"]

    answer = fetch(platform, spoken["audio_url"], method=method, If_None_Match=tags.format(etag))

    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["ETag"] == etag
    assert answer.headers["Cache-Control"] == IMMUTABLE


def test_if_none_match_when_different_then_the_file(platform: Platform, spoken: dict[str, Any], content: bytes) -> None:
    assert fetch(platform, spoken["audio_url"], If_None_Match='"x"').content == content


def test_if_modified_since_when_it_was_not_then_304(platform: Platform, spoken: dict[str, Any]) -> None:
    date = fetch(platform, spoken["audio_url"], method="HEAD").headers["Last-Modified"]

    assert fetch(platform, spoken["audio_url"], If_Modified_Since=date).status_code == 304


def test_if_range_when_the_file_is_another_then_the_whole_one(
    platform: Platform, spoken: dict[str, Any], content: bytes
) -> None:
    etag = fetch(platform, spoken["audio_url"], method="HEAD").headers["ETag"]

    assert fetch(platform, spoken["audio_url"], Range="bytes=0-9", If_Range=etag).content == content[:10]
    assert fetch(platform, spoken["audio_url"], Range="bytes=0-9", If_Range='"x"').content == content


@pytest.mark.parametrize(
    "name",
    [
        "ffffffffffffffffffffffffffffffff.mp3",
        "short.mp3",
        "..%2f..%2faudio-gen",
        "%2e%2e%2f0123456789abcdef0123456789abcdef.mp3",
        "0123456789abcdef0123456789abcdef",
        "0123456789abcdef0123456789abcdef.mp3%00",
        "x" * 4000,
    ],
)
def test_unknown_file_is_404(platform: Platform, name: str) -> None:
    answer = platform.client("audio-gen").get(f"/audio/{name}")

    assert error_of(answer, 404, "NOT_FOUND")["error"] == "Audio file not found"
    assert platform.client("audio-gen").head(f"/audio/{name}").status_code == 404


def test_get_when_keys_are_required_then_a_file_needs_none(platform: Platform, spoken: dict[str, Any]) -> None:
    answer = fetch(platform, spoken["audio_url"], worker="audio-gen-with-keys-required")

    assert answer.status_code == 200
