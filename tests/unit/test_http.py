"""Requests, responses and headers."""

import pytest

from electrons.http import Headers, Request, Response


def test_headers_when_looked_up_then_case_does_not_matter() -> None:
    assert Headers([("X-Request-ID", "a")]).get("x-request-id") == "a"


def test_headers_when_repeated_then_joined() -> None:
    headers = Headers([("Accept", "text/html"), ("accept", "*/*")])

    assert headers.get("Accept") == "text/html, */*"
    assert list(headers) == [("accept", "text/html"), ("accept", "*/*")]


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


def test_client_address_when_cloudflare_names_it_then_that() -> None:
    headers = Headers([("CF-Connecting-IP", "203.0.113.7")])

    assert Request(method="GET", url="https://a.example/", headers=headers).client_address == "203.0.113.7"
    assert Request(method="GET", url="https://a.example/").client_address == "local"


async def test_request_when_it_has_no_body_then_the_reader_gives_nothing() -> None:
    assert await Request(method="GET", url="https://a.example/").reader(10) == b""


@pytest.mark.parametrize("content", [{"a": "ü"}, '{"a":"ü"}', '{"a":"ü"}'.encode()])
def test_json_when_given_dict_or_text_then_the_same_document(content: dict[str, str] | str | bytes) -> None:
    response = Response.json(content, status=202)

    assert response.status == 202
    assert response.headers == [("Content-Type", "application/json")]
    assert response.body in ('{"a":"ü"}', '{"a":"ü"}'.encode())
