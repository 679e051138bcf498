"""What `POST /github/commit` takes."""

import json
from typing import Any

import pytest

from electrons.errors import RequestError
from electrons.middleware.validation import parse_body
from electrons.providers.github.repositories import list_folders
from sandbox_executor.models.commit import FILES_LIMIT, SIZE_LIMIT, CommitRequest

FILE = {"path": "a.txt", "content": "a"}
BODY: dict[str, Any] = {"repo": "octo/hello", "files": [FILE], "message": "Add a"}


def parse(**members: Any) -> CommitRequest:
    document = {name: value for name, value in {**BODY, **members}.items() if value is not ...}
    return parse_body(json.dumps(document).encode(), CommitRequest)


def refuse(**members: Any) -> RequestError:
    with pytest.raises(RequestError) as caught:
        parse(**members)
    return caught.value


def test_request_when_short_then_defaults() -> None:
    body = parse()

    assert (body.branch, body.create_branch, body.base_branch, body.create_pr) == ("main", False, None, False)
    assert [(file.path, file.data, file.executable) for file in body.files] == [("a.txt", b"a", None)]


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        (
            "repo",
            "repo must be in owner/repo format",
            [..., None, "", 5, "octo", "octo/hello/x", "https://x/y", ["o/r"]],
        ),
        ("files", "files array is required", [..., None, [], {}, "a.txt", 5]),
        ("message", "message is required", [..., None, "", " \n", 5, ["x"]]),
    ],
)
def test_wrong_field_has_one_message_whatever_is_wrong(name: str, text: str, values: list[Any]) -> None:
    for value in values:
        error = refuse(**{name: value})

        assert (error.message, error.error_code) == (text, "INVALID_REQUEST")
        assert error.details == {"fields": [{"field": name, "message": text}], "count": 1}


def test_request_when_nothing_is_there_then_each_is_named() -> None:
    error = refuse(repo=..., files=..., message=...)

    assert error.message == "repo must be in owner/repo format; files array is required; message is required"


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"branch": "a..b"}, "branch"),
        ({"branch": 5}, "branch"),
        ({"base_branch": "-x"}, "base_branch"),
        ({"base_branch": "main", "create_pr": True}, "base_branch"),
        ({"base_branch": "main", "create_branch": True}, "base_branch"),
        ({"create_pr": "yes"}, "create_pr"),
        ({"pr_title": " "}, "pr_title"),
        ({"message": "a\0b"}, "message"),
        ({"message": "x" * 20_001}, "message"),
        ({"files": [{"content": "x"}]}, "files.0.path"),
        ({"files": [{"path": "a"}]}, "files.0.content"),
        ({"files": [{"path": "a", "content": 5}]}, "files.0.content"),
        ({"files": [FILE, {"path": "../a", "content": "x"}]}, "files.1.path"),
        ({"files": [{"path": ".git/config", "content": "x"}]}, "files.0.path"),
        ({"files": [{"path": "a", "content": "x", "encoding": "utf-16"}]}, "files.0.encoding"),
        ({"files": [{"path": "a", "content": "x", "executable": 1}]}, "files.0.executable"),
        ({"files": [{"path": "a", "content": "YQ", "encoding": "base64"}]}, "files.0.content"),
        ({"files": [{"path": "a", "content": "Y!Q=", "encoding": "base64"}]}, "files.0.content"),
        ({"files": [{"path": "a", "content": "äöü", "encoding": "base64"}]}, "files.0.content"),
        ({"files": [FILE, FILE]}, "files"),
        ({"files": [FILE, {"path": "a.txt", "content": None}]}, "files"),
        ({"files": [{"path": "a", "content": "x"}, {"path": "a/b/c", "content": "x"}]}, "files"),
        ({"files": [{"path": f"{n}", "content": ""} for n in range(FILES_LIMIT + 1)]}, "files"),
        ({"files": [{"path": f"{n}", "content": "x" * (SIZE_LIMIT // 2 + 1)} for n in range(2)]}, "files"),
    ],
)
def test_member_when_wrong_then_its_path_is_named(members: dict[str, Any], field: str) -> None:
    error = refuse(**members)

    assert error.details is not None
    assert [problem["field"] for problem in error.details["fields"]] == [field]


def test_base64_when_in_lines_then_its_bytes() -> None:
    (file,) = parse(files=[{"path": "a", "content": "SGVs\r\nbG8=\n", "encoding": "base64"}]).files

    assert file.data == b"Hello"


def test_content_when_null_then_nothing_whatever_the_encoding() -> None:
    body = parse(files=[{"path": "a", "content": None}, {"path": "b", "content": None, "encoding": "base64"}])

    assert [file.data for file in body.files] == [None, None]


def test_unused_base_branch_may_be_the_branch_itself() -> None:
    assert parse(base_branch="main").base_branch == "main"


def test_folders_when_a_path_lies_deep_then_the_outermost_first() -> None:
    assert list_folders("a/b/c") == ["a", "a/b"]
    assert list_folders("a") == []
