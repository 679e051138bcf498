"""Requests, responses and headers."""

import pytest

from electrons.errors import RequestError
from electrons.http import Headers, Request, Response, is_loopback, join_fields


def test_headers_when_looked_up_then_case_does_not_matter() -> None:
    assert Headers([("X-Request-ID", "a")]).get("x-request-id") == "a"


def test_headers_when_repeated_then_joined() -> None:
    headers = Headers([("Accept", "text/html"), ("accept", "*/*")])

    assert headers.get("Accept") == "text/html, */*"
    assert list(headers) == [("accept", "text/html"), ("accept", "*/*")]


def test_fields_when_joined_then_one_value_for_each_name() -> None:
    assert join_fields([("Vary", "Origin"), ("ETag", '"1"'), ("Vary", "Range")]) == {
        "Vary": "Origin, Range",
        "ETag": '"1"',
    }
    assert join_fields([]) == {}


def test_headers_when_absent_then_none() -> None:
    assert Headers().get("Accept") is None


@pytest.mark.parametrize(
    ("url", "path", "query"),
    [
        ("https://a.example/health?deep=1&empty=", "/health", {"deep": "1", "empty": ""}),
        ("https://a.example/x%2Fy?q=a%20b+c&q=last", "/x%2Fy", {"q": "last"}),
        ("https://a.example/", "/", {}),
    ],
)
def test_request_when_made_then_path_and_query_are_split(url: str, path: str, query: dict[str, str]) -> None:
    request = Request(method="GET", url=url)

    assert (request.path, request.query) == (path, query)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://A.example/x", "a.example"),
        ("http://127.0.0.1:8787", "127.0.0.1"),
        ("http://[::1]:8787/x?y", "::1"),
        ("http://my_host.example?q=//", "my_host.example"),
    ],
)
def test_host_is_read_without_brackets_and_port(url: str, host: str) -> None:
    assert Request(method="GET", url=url).host == host


@pytest.mark.parametrize(
    "authority", ["[foo]", "[]", "[::1", "[f00]", "", ":80", "a b", "a@b", "a:b", "a:1:2", "ä.example"]
)
def test_malformed_host_is_a_request_error_and_leaves_the_path(authority: str) -> None:
    request = Request(method="GET", url=f"http://{authority}/health?deep=1")

    assert (request.path, request.query) == ("/health", {"deep": "1"})
    with pytest.raises(RequestError, match="`Host` header"):
        _ = request.host


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("a.localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("localhost.example", False),
        ("192.168.0.1", False),
        ("2001:db8::1", False),
    ],
)
def test_loopback_hosts_are_this_machine(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("value", "length"), [("12", 12), ("0", 0), ("", None), ("-1", None), ("²", None), ("1, 2", None)]
)
def test_content_length_is_a_number_or_unknown(value: str, length: int | None) -> None:
    request = Request(method="POST", url="https://a.example/", headers=Headers([("Content-Length", value)]))

    assert request.content_length == length


async def test_request_when_it_has_no_body_then_reader_returns_empty() -> None:
    assert await Request(method="GET", url="https://a.example/").read(10) == b""


@pytest.mark.parametrize("content", [{"a": "ü"}, '{"a":"ü"}', '{"a":"ü"}'.encode()])
def test_json_when_given_dict_or_text_then_the_same_document(content: dict[str, str] | str | bytes) -> None:
    response = Response.json(content, status=202)

    assert response.status == 202
    assert response.headers == [("Content-Type", "application/json")]
    assert response.body in ('{"a":"ü"}', '{"a":"ü"}'.encode())
