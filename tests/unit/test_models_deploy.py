"""What a deployment request may be."""

import json
from typing import Any

import pytest

from electrons.errors import RequestError
from electrons.middleware.validation import parse_body
from sandbox_executor.models.deploy import DEFAULT_COMPATIBILITY_DATE, SIZE_LIMIT, DeployRequest, module_type

CODE = "export default {}"


def read(**members: Any) -> DeployRequest:
    return parse_body(json.dumps({"worker_name": "hello", **members}).encode(), DeployRequest)


def problem_of(**members: Any) -> tuple[str, str]:
    with pytest.raises(RequestError) as caught:
        read(**members)
    assert caught.value.details is not None
    assert caught.value.error_code == "INVALID_REQUEST"
    (field,) = caught.value.details["fields"]
    return field["field"], field["message"]


def test_request_when_only_code_is_given_then_the_defaults() -> None:
    request = read(code=CODE)

    assert (request.main, request.modules) == ("index.js", {"index.js": CODE})
    assert request.compatibility_date == DEFAULT_COMPATIBILITY_DATE
    assert (request.compatibility_flags, request.env_vars, request.secrets) == ([], {}, {})
    assert request.workers_dev
    assert not request.is_python


def test_null_fields_are_absent() -> None:
    nulls = dict.fromkeys(("files", "main", "compatibility_date", "compatibility_flags", "env_vars", "secrets"))

    assert read(code=CODE, **nulls) == read(code=CODE)


@pytest.mark.parametrize(
    ("members", "main"),
    [
        ({"code": "x", "compatibility_flags": ["python_workers"]}, "entry.py"),
        ({"code": "x", "main": "worker.mjs"}, "worker.mjs"),
        ({"code": "x", "main": "src/index.js"}, "src/index.js"),
        ({"files": {"only.js": "x"}}, "only.js"),
        ({"files": {"a.js": "x", "b.py": "x", "c.txt": ""}, "main": "b.py"}, "b.py"),
    ],
)
def test_main_when_it_follows_from_the_request_then_that(members: dict[str, Any], main: str) -> None:
    request = read(**members)

    assert request.main == main
    assert request.is_python == main.endswith(".py")
    assert main in request.modules


@pytest.mark.parametrize(
    ("members", "field", "message"),
    [
        ({}, "files", "Code or files is required"),
        ({"code": CODE, "files": {"a.js": CODE}}, "files", "must not be given together with code"),
        ({"files": {"a.js": "x", "b.js": "x"}}, "main", "Main is required"),
        ({"files": {"a.js": "x"}, "main": "b.js"}, "main", "must be one of files"),
        ({"files": {"a.txt": "x"}}, "main", "must end in one of .js, .mjs, .py"),
        ({"code": "x", "main": "a.json"}, "main", "must end in one of .js, .mjs, .py"),
        (
            {"files": {"src/entry.py": "x"}},
            "main",
            "must not be in a folder: a Python Worker's imports start where its main module is",
        ),
        ({"code": "x", "main": "../a.js"}, "main", "must not have empty parts, `.` or `..`"),
        ({"code": "x", "compatibility_date": "2026-1-1"}, "compatibility_date", "must be a date like 2026-10-01"),
        ({"code": "x", "compatibility_date": "20261001"}, "compatibility_date", "must be a date like 2026-10-01"),
        (
            {"code": "x", "env_vars": {"A": "1", "B": "2"}, "secrets": {"B": "3"}},
            "secrets",
            "must not have names of env_vars: B",
        ),
        (
            {"code": "x" * SIZE_LIMIT + "x"},
            "files",
            f"all modules together must not have more than {SIZE_LIMIT} bytes",
        ),
    ],
)
def test_parts_that_do_not_match_are_a_400(members: dict[str, Any], field: str, message: str) -> None:
    assert problem_of(**members) == (field, message)


@pytest.mark.parametrize("path", ["/a.js", "../a.js", "a//b.js", ".git/a.js", "a\\b.js", "a\u0000.js", "C:/a.js", ""])
def test_files_when_a_path_leaves_the_worker_then_400(path: str) -> None:
    field, _ = problem_of(files={path: "x"}, main=path)

    assert field == f"files.{path}"


@pytest.mark.parametrize("path", ["a.ts", "metadata", "js", "a.exe", "a.js/b"])
def test_file_of_an_unknown_type_is_a_400_with_the_known_ones(path: str) -> None:
    _, message = problem_of(files={"index.js": "x", path: "x"}, main="index.js")

    assert message.startswith("must end in one of .js, .mjs, .py, ")


def test_files_when_one_is_webassembly_then_400_says_why() -> None:
    _, message = problem_of(files={"index.js": "x", "a.wasm": "x"}, main="index.js")

    assert "WebAssembly" in message


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A B", "É", "A" * 129])
@pytest.mark.parametrize("member", ["env_vars", "secrets"])
def test_names_when_they_are_no_names_of_variables_then_400(member: str, name: str) -> None:
    field, message = problem_of(code=CODE, **{member: {name: "x"}})

    assert field == f"{member}.{name}"
    assert message.startswith("must be letters, digits and _")


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a_b", "a.b", "a/b", "ä", "a" * 64, "a\n"])
def test_worker_name_when_it_is_no_label_of_dns_then_400(name: str) -> None:
    assert problem_of(code=CODE, worker_name=name)[0] == "worker_name"


def test_request_when_printed_then_neither_code_nor_values_show() -> None:
    text = repr(read(files={"a.js": "c0de"}, env_vars={"A": "v4lue"}, secrets={"B": "s3cret"}))

    assert not any(hidden in text for hidden in ("c0de", "v4lue", "s3cret"))


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a.js", "application/javascript+module"),
        ("A.MJS", "application/javascript+module"),
        ("a.py", "text/x-python"),
        ("a.json", "text/plain"),
        ("a.html", "text/plain"),
        ("python_modules/a/b.py", "application/octet-stream"),
        ("a.ts", None),
    ],
)
def test_module_type_when_a_path_is_given_then_by_its_end(path: str, kind: str | None) -> None:
    assert module_type(path) == kind
