"""Files in JSON responses are decoded as they come in, however the response is cut."""

import binascii
import json
import tracemalloc
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrons.providers.openai.provider import OpenAIProvider
from electrons.upstream.client import read_json
from electrons.upstream.embedded import FileScanner, extract_files

LONGEST = 8
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(max_size=40).map(lambda b: b64encode(b).decode()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


def cut(content: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        yield content[at : at + size]
        at += size
    yield content[at:]


def scan(chunks: Iterator[bytes]) -> tuple[bytes, dict[str, bytes | None]]:
    scanner = FileScanner(longest_string_bytes=LONGEST)
    files: dict[str, bytes | None] = {}
    for chunk in chunks:
        files.update(scanner.feed(chunk))
    return scanner.finish(), files


def put_back(value: Any, files: dict[str, bytes | None]) -> Any:
    """Return the document with each file's base64 in its place again; a string that was not base64 is None."""
    if isinstance(value, str) and value in files:
        content = files[value]
        return None if content is None else b64encode(content).decode()
    if isinstance(value, list):
        return [put_back(item, files) for item in value]
    if isinstance(value, dict):
        return {put_back(name, files): put_back(item, files) for name, item in value.items()}
    return value


def is_base64(text: str) -> bool:
    try:
        return bool(binascii.a2b_base64(text, strict_mode=True))
    except ValueError:
        return False


def without_others(value: Any) -> Any:
    """Return the document with None for each string that may be mistaken for a file."""
    if isinstance(value, str):
        return None if len(value.encode()) > LONGEST and not is_base64(value) else value
    if isinstance(value, list):
        return [without_others(item) for item in value]
    if isinstance(value, dict):
        return {without_others(name): without_others(item) for name, item in value.items()}
    return value


@given(document=json_values, sizes=st.lists(st.integers(1, 30), max_size=30), ensure_ascii=st.booleans())
def test_document_is_the_same_however_it_is_cut(document: Any, sizes: list[int], ensure_ascii: bool) -> None:
    content = json.dumps(document, ensure_ascii=ensure_ascii).encode("utf-8", "replace")

    rest, files = scan(cut(content, sizes))

    assert without_others(put_back(json.loads(rest), files)) == without_others(json.loads(content))


@given(content=st.binary(), sizes=st.lists(st.integers(1, 30), max_size=30))
def test_what_is_not_json_comes_out_somehow(content: bytes, sizes: list[int]) -> None:
    rest, files = scan(cut(content, sizes))

    assert len(rest) <= len(content) + 30 * len(files)


@given(content=st.binary(min_size=20, max_size=500), sizes=st.lists(st.integers(1, 9), max_size=9))
def test_file_is_decoded_whatever_its_pieces(content: bytes, sizes: list[int]) -> None:
    document = json.dumps({"a": 'x\\"', "file": b64encode(content).decode(), "b": 1}).encode()

    rest, files = scan(cut(document, [40, *sizes]))

    ((name, found),) = files.items()
    assert found == content
    assert json.loads(rest) == {"a": 'x\\"', "file": name, "b": 1}


@pytest.mark.parametrize("text", ["QUFB" * 9 + "Q", "QQ==" * 9, "QUFB" * 9 + "=", "QUFB*" * 9, "QUFBä" * 9, " " * 40])
@pytest.mark.parametrize("size", [4, 7, 11, 30])
def test_long_string_that_is_not_base64_has_no_content(text: str, size: int) -> None:
    document = json.dumps({"file": text}, ensure_ascii=False).encode()

    rest, files = scan(cut(document, [size] * (len(document) // size)))

    assert list(files.values()) == [None]
    assert json.loads(rest) == {"file": next(iter(files))}


async def test_response_of_many_files_takes_little_memory() -> None:
    image = b64encode(bytes(range(256)) * 8 * 1024).decode()  # 2 MiB
    document = json.dumps({"data": [{"b64_json": image}] * 8, "size": "1024x1024"}).encode()

    async def stream() -> Any:
        for start in range(0, len(document), 16 * 1024):
            yield document[start : start + 16 * 1024]

    sizes: list[int] = []

    async def take(_name: str, content: bytes | None) -> None:
        sizes.append(len(content or b""))

    provider = OpenAIProvider()
    response = httpx2.Response(200, content=stream())
    tracemalloc.start()
    small = await extract_files(provider, response, take)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert sizes == [2 * 1024 * 1024] * 8
    assert peak < 8 * 1024 * 1024
    parsed = await read_json(provider, small)
    assert parsed["size"] == "1024x1024"
    assert len({item["b64_json"] for item in parsed["data"]}) == 8
