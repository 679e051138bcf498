"""GitHub's wire format."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from electrons.errors import (
    MissingCredentialsError,
    ProviderAuthError,
    ProviderError,
    ProviderRateLimitError,
    ProviderRejectedError,
)
from electrons.providers.github.provider import GitHubProvider, TreeChange, TreeEntry
from electrons.providers.github.repositories import find_branch
from electrons.settings import Settings
from electrons.upstream.provider import ProviderRequest
from tests.providers.cases import API_KEY, Case, Cases, body_of, create_context

PROVIDER = GitHubProvider()

NOW = {"date": "Mon, 23 Nov 2026 12:00:00 GMT"}
NOW_SECONDS = 1795435200


def problem(message: str, *errors: Any) -> dict[str, Any]:
    return {"message": message, "errors": list(errors), "documentation_url": "https://docs.github.com/rest"}


CASES: Cases = {
    "repository": {
        "success": Case(
            body={"content": "SGVs\nbG8=\n", "encoding": "base64", "size": 5, "sha": "b" * 40},
            needed={"content", "encoding"},
            expected=b"Hello",
        ),
        "as text": Case(body={"content": "Hellö", "encoding": "utf-8"}, expected="Hellö".encode()),
        "larger than is read": Case(
            body={"content": "x" * (1024 * 1024 + 1), "encoding": "utf-8"}, expected=ProviderRejectedError
        ),
        "another shape": Case(body={"content": 5, "encoding": "base64"}, expected=ProviderError),
        "a list": Case(body=[], expected=ProviderError),
        "301": Case(status=301, body=problem("Moved Permanently"), expected=ProviderRejectedError),
        "401": Case(status=401, body=problem("Bad credentials"), expected=ProviderAuthError),
        "403": Case(
            status=403,
            headers={"x-ratelimit-remaining": "4999"},
            body=problem("Resource not accessible by personal access token"),
            expected=ProviderAuthError,
        ),
        "403 for the hour": Case(
            status=403, headers={"x-ratelimit-remaining": "0"}, body=problem("x"), expected=ProviderRateLimitError
        ),
        "403 for a minute": Case(
            status=403,
            body=problem("You have exceeded a secondary rate limit. Please wait"),
            expected=ProviderRateLimitError,
        ),
        "403 for a minute, in GitHub's older words": Case(
            status=403,
            body=problem("You have triggered an abuse detection mechanism. Please wait a few minutes"),
            expected=ProviderRateLimitError,
        ),
        "404": Case(status=404, body=problem("Not Found"), expected=ProviderRejectedError),
        "409": Case(status=409, body=problem("Git Repository is empty."), expected=ProviderRejectedError),
        "422": Case(status=422, body=problem("Validation Failed"), expected=ProviderRejectedError),
        "429": Case(status=429, body=problem("Too many requests"), expected=ProviderRateLimitError),
        "5xx": Case(status=502, body="<html>Unicorn!</html>", expected=ProviderError),
    }
}


def test_api_key_when_there_is_none_then_the_token_is_named() -> None:
    with pytest.raises(MissingCredentialsError, match=r"^GitHub PAT not configured: set `GITHUB_PAT`"):
        PROVIDER.api_key(Settings())


async def test_call_has_token_version_and_user_agent() -> None:
    seen: list[httpx2.Request] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json={"object": {"sha": "a" * 40}})

    found = await find_branch(create_context(PROVIDER, respond), PROVIDER, "octo/hello", "feature/a+b")

    assert found.head == "a" * 40
    (request,) = seen
    assert str(request.url) == "https://api.github.com/repos/octo/hello/git/ref/heads/feature/a%2Bb"
    assert request.headers["authorization"] == f"Bearer {API_KEY}"
    assert request.headers["x-github-api-version"] == "2026-03-10"
    assert request.headers["accept"] == "application/vnd.github+json"
    assert request.headers["user-agent"]


REQUESTS = [
    (PROVIDER.build_repository_lookup("o/r"), "GET", "/repos/o/r", None),
    (PROVIDER.build_commit_lookup("o/r", "c1"), "GET", "/repos/o/r/git/commits/c1", None),
    (PROVIDER.build_tree_lookup("o/r", "t1", recursive=True), "GET", "/repos/o/r/git/trees/t1?recursive=1", None),
    (PROVIDER.build_tree_lookup("o/r", "t1", recursive=False), "GET", "/repos/o/r/git/trees/t1", None),
    (PROVIDER.build_comparison("o/r", "a", "b"), "GET", "/repos/o/r/compare/a...b?per_page=1&page=2", None),
    (
        PROVIDER.build_ref("o/r", "a/b", sha="c1"),
        "POST",
        "/repos/o/r/git/refs",
        {"ref": "refs/heads/a/b", "sha": "c1"},
    ),
    (
        PROVIDER.build_ref_update("o/r", "a@b", sha="c1"),
        "PATCH",
        "/repos/o/r/git/refs/heads/a%40b",
        {"sha": "c1", "force": False},
    ),
    (
        PROVIDER.build_commit("o/r", message="Ä", tree="t1", parents=["c0"]),
        "POST",
        "/repos/o/r/git/commits",
        {"message": "Ä", "tree": "t1", "parents": ["c0"]},
    ),
    (
        PROVIDER.build_blob("o/r", b"\xff\x00"),
        "POST",
        "/repos/o/r/git/blobs",
        {"content": "/wA=", "encoding": "base64"},
    ),
    (
        PROVIDER.build_tree(
            "o/r",
            [
                TreeChange(path="a", content=""),
                TreeChange(path="b", mode="100755", sha="b1"),
                TreeChange(path="c"),
            ],
            base="t0",
        ),
        "POST",
        "/repos/o/r/git/trees",
        {
            "base_tree": "t0",
            "tree": [
                {"path": "a", "mode": "100644", "type": "blob", "content": ""},
                {"path": "b", "mode": "100755", "type": "blob", "sha": "b1"},
                {"path": "c", "mode": "100644", "type": "blob", "sha": None},
            ],
        },
    ),
    (
        PROVIDER.build_first_file("o/r", "a b/ü#?.txt", content=b"x", message="m", branch="main"),
        "PUT",
        "/repos/o/r/contents/a%20b/%C3%BC%23%3F.txt",
        {"message": "m", "content": "eA==", "branch": "main"},
    ),
    (
        PROVIDER.build_pull("o/r", title="t", body="", head="f", base="main"),
        "POST",
        "/repos/o/r/pulls",
        {"title": "t", "body": "", "head": "f", "base": "main"},
    ),
    (
        PROVIDER.build_pull_search("o/r", head="a/b", base="main"),
        "GET",
        "/repos/o/r/pulls?state=open&head=o%3Aa%2Fb&base=main&per_page=1",
        None,
    ),
]


@pytest.mark.parametrize(("request_", "method", "path", "document"), REQUESTS, ids=[f"{r[1]} {r[2]}" for r in REQUESTS])
def test_build_when_given_names_then_they_are_encoded(
    request_: ProviderRequest, method: str, path: str, document: dict[str, Any] | None
) -> None:
    assert (request_.method, request_.path) == (method, path)
    assert (body_of(request_.content) if request_.content else None) == document


@pytest.mark.parametrize(
    "build",
    [
        lambda content: PROVIDER.build_blob("o/r", content),
        lambda content: PROVIDER.build_first_file("o/r", "a", content=content, message="m", branch="main"),
    ],
    ids=["blob", "first file"],
)
def test_build_when_a_file_is_large_then_never_thrice_in_memory(build: Callable[[bytes], ProviderRequest]) -> None:
    content = bytes(4 * 1024 * 1024)
    tracemalloc.start()
    build(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 3 * len(content)


def test_requests_that_must_not_be_repeated_are_marked() -> None:
    assert [f"{request.method} {request.path}" for request, *_ in REQUESTS if not request.repeatable] == [
        "PUT /repos/o/r/contents/a%20b/%C3%BC%23%3F.txt",
        "POST /repos/o/r/pulls",
    ]


def test_parse_tree_when_listed_then_entries_by_path() -> None:
    listed = [
        {"path": "a", "mode": "040000", "type": "tree", "sha": "1"},
        {"path": "a/b", "mode": "100755", "type": "blob", "sha": "2", "size": 3},
        {"path": "c", "mode": "160000", "type": "commit", "sha": "3"},
    ]

    entries, truncated = PROVIDER.parse_tree({"tree": listed, "truncated": False})

    assert not truncated
    assert entries == {"a": TreeEntry("040000", "1"), "a/b": TreeEntry("100755", "2", 3), "c": TreeEntry("160000", "3")}
    assert [path for path, entry in entries.items() if entry.is_file] == ["a/b"]


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (403, {"retry-after": "7", "x-ratelimit-remaining": "0"}, 7),
        (429, {"retry-after": "7"}, 7),
        (403, {**NOW, "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW_SECONDS + 90)}, 90),
        (403, {**NOW, "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW_SECONDS - 90)}, 0),
        (429, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW_SECONDS)}, 60),
        (429, {**NOW, "x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, 60),
        (429, {**NOW, "x-ratelimit-remaining": "12", "x-ratelimit-reset": str(NOW_SECONDS + 90)}, 60),
        (429, {}, 60),
    ],
)
def test_parse_error_when_limited_then_how_long_to_wait(status: int, headers: dict[str, str], seconds: float) -> None:
    error = PROVIDER.parse_error(status, headers, b"")

    assert isinstance(error, ProviderRateLimitError)
    assert (error.upstream_status, error.retry_after) == (status, seconds)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (problem("Validation Failed", {"message": "No commits between main and x"}),
         "Validation Failed: No commits between main and x"),
        (problem("Validation Failed", {"resource": "PullRequest", "field": "head", "code": "invalid"}, "y"),
         "Validation Failed: PullRequest head invalid; y"),
        (problem("Reference does not exist"), "Reference does not exist"),
        ({"message": "Update is not a fast forward", "errors": {}}, "Update is not a fast forward"),
        ({}, ""),
    ],
)  # fmt: skip
def test_parse_error_when_there_are_details_then_their_texts(document: dict[str, Any], message: str) -> None:
    error = PROVIDER.parse_error(422, {"x-github-request-id": "1A:2B"}, httpx2.Response(422, json=document).content)

    assert error.message == f"GitHub rejected the request{f': {message}' if message else ' (status 422)'}"
    assert error.details == {"provider": "github", "status": 422, "provider_request_id": "1A:2B"}


@pytest.mark.parametrize(
    ("size", "expected"), [(5, 5), ("5", None), (-1, None), (1.5, None), (True, None), (None, None)]
)
def test_size_of_a_listed_file_is_a_whole_number_or_unknown(size: object, expected: int | None) -> None:
    entry = {"path": "a", "mode": "100644", "sha": "1", "size": size}

    entries, _ = PROVIDER.parse_tree({"tree": [entry]})

    assert entries["a"].size == expected
