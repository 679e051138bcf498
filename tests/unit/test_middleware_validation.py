"""Request bodies, and the errors for wrong ones."""

import json
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from electrons.app import App
from electrons.context import Context
from electrons.errors import InvalidJSONError, RequestError
from electrons.http import Response
from electrons.middleware.validation import describe_unknown_fields, parse_body
from electrons.models import LABEL_LIMIT, LabeledRequest, RequestModel, ResponseModel, not_blank
from electrons.testing import TestClient, TestResponse


class Options(RequestModel):
    count: int = Field(default=1, ge=0, le=10)
    weight: float = Field(default=0.5, ge=0, le=2)


class Part(RequestModel):
    name: str = Field(min_length=1)
    content: str | None


class Work(LabeledRequest):
    task_name: Annotated[str, Field(max_length=10), not_blank("Task is required")]
    options: Options = Field(default_factory=Options)
    kind: Literal["a", "b"] = "a"
    steps: list[Part] = Field(default_factory=list, max_length=3)
    notes: dict[str, str] | None = Field(default=None, max_length=2)
    free: Any = None


class Echo(ResponseModel):
    name: str


class Metadata(BaseModel):
    warnings: list[str] | None = None


class Described(ResponseModel):
    metadata: Metadata


def create_app() -> App:
    app = App("worker")

    @app.post("/work")
    async def work(context: Context, body: Work) -> Response:
        labels = context.labels
        return Response.json(
            {"instance": labels.instance_id, "project": labels.project_id, **body.options.model_dump()}
        )

    @app.post("/echo")
    async def echo(_context: Context, body: Work) -> Echo:
        return Echo(name=body.task_name)

    @app.post("/described")
    async def described(_context: Context, _body: Work) -> Described:
        return Described(metadata=Metadata(warnings=["its own"]))

    return app


async def post(content: bytes, headers: dict[str, str] | None = None) -> TestResponse:
    return await TestClient(create_app()).request("POST", "/work", content=content, headers=headers)


@pytest.mark.parametrize("content", [b"", b"{", b"no", b"\xff", b'{"task_name": "\\ud800"}', b"[" * 10_000, b"{} {}"])
async def test_body_that_is_not_json_is_invalid_json(content: bytes) -> None:
    answer = await post(content)

    assert (answer.status, answer.json()["error_code"]) == (400, "INVALID_JSON")
    assert answer.json()["error"] == "The request body is not valid JSON"


@pytest.mark.parametrize("content", [b"[]", b'"text"', b"1", b"null", b"true"])
async def test_body_that_is_not_an_object_is_invalid_json(content: bytes) -> None:
    answer = await post(content)

    assert (answer.status, answer.json()["error_code"]) == (400, "INVALID_JSON")
    assert answer.json()["error"] == "The request body must be a JSON object"


@pytest.mark.parametrize(
    ("content", "error", "field"),
    [
        (b"{}", "Task name is required", "task_name"),
        (b'{"task_name": " \\n"}', "Task is required", "task_name"),
        (b'{"task_name": 5}', "task_name: must be a string", "task_name"),
        (b'{"task_name": null}', "Task name is required", "task_name"),
        (b'{"task_name": "12345678901"}', "task_name: must have at most 10 characters", "task_name"),
        (b'{"task_name": "a", "options": {"count": "5"}}', "options.count: must be a whole number", "options.count"),
        (b'{"task_name": "a", "options": {"count": 1.5}}', "options.count: must be a whole number", "options.count"),
        (b'{"task_name": "a", "options": {"count": 11}}', "options.count: must be 10 or less", "options.count"),
        (b'{"task_name": "a", "options": {"weight": NaN}}', "options.weight: must be a finite", "options.weight"),
        (b'{"task_name": "a", "options": {"weight": 1e999}}', "options.weight: must be a finite", "options.weight"),
        (b'{"task_name": "a", "free": [{"x": -1e999}]}', "free.0.x: must be a finite number", "free.0.x"),
        (b'{"task_name": "a", "options": 5}', "options: must be an object", "options"),
        (b'{"task_name": "a", "options": []}', "options: must be an object", "options"),
        (b'{"task_name": "a", "kind": "c"}', "kind: must be 'a' or 'b'", "kind"),
        (b'{"task_name": "a", "steps": {}}', "steps: must be a list", "steps"),
        (b'{"task_name": "a", "steps": [{}, {}, {}, {}]}', "steps: must have at most 3 items", "steps"),
        (b'{"task_name": "a", "notes": {"a": "", "b": "", "c": ""}}', "notes: must have at most 2 items", "notes"),
        (b'{"task_name": "a", "notes": []}', "notes: must be an object", "notes"),
        (
            b'{"task_name": "a", "steps": [{"name": "", "content": ""}]}',
            "steps.0.name: must have at least 1 character",
            "steps.0.name",
        ),
        (b'{"task_name": "a", "steps": [null]}', "steps.0: must be an object", "steps.0"),
    ],
)
async def test_body_when_a_field_is_wrong_then_it_is_named(content: bytes, error: str, field: str) -> None:
    answer = await post(content)

    body = answer.json()
    assert (answer.status, body["error_code"]) == (400, "INVALID_REQUEST")
    assert body["error"].startswith(error)
    assert [problem["field"] for problem in body["details"]["fields"]] == [field]


async def test_body_when_several_fields_are_wrong_then_all_are_named() -> None:
    answer = await post(b'{"options": {"count": -1, "weight": 3}}')

    fields = [problem["field"] for problem in answer.json()["details"]["fields"]]
    assert fields == ["task_name", "options.count", "options.weight"]


async def test_parse_body_when_90_errors_then_names_20_and_counts_all() -> None:
    class Wide(RequestModel):
        flags: list[bool] = Field(max_length=100)

    with pytest.raises(RequestError) as caught:
        parse_body(json.dumps({"flags": ["no"] * 90}).encode(), Wide)

    assert caught.value.details is not None
    fields = caught.value.details["fields"]
    assert [field["field"] for field in fields] == [f"flags.{index}" for index in range(20)]
    assert caught.value.details["count"] == 90
    assert caught.value.message.endswith("flags.19: must be true or false; and 70 more")


def test_body_with_a_list_over_its_limit_is_refused_unread() -> None:
    with pytest.raises(RequestError) as caught:
        parse_body(json.dumps({"task_name": 5, "steps": [{}] * 20_000}).encode(), Work)

    assert caught.value.details == {"fields": [{"field": "steps", "message": "must have at most 3 items"}], "count": 1}


@pytest.mark.parametrize("content", [b'{"free": [%s]}' % (b"0," * 60_000 + b"0"), b'{"free":' + b"[" * 60_000])
def test_body_with_too_many_values_is_refused(content: bytes) -> None:
    with pytest.raises(RequestError, match="more than 50000 values: send less at once"):
        parse_body(content, Work)


def test_list_with_too_many_values_is_not_an_object() -> None:
    with pytest.raises(InvalidJSONError, match="must be a JSON object"):
        parse_body(b" " + b"[" * 60_000, Work)


def test_body_with_many_commas_in_a_string_is_taken() -> None:
    content = json.dumps({"task_name": "a", "free": '\\",[{' * 60_000}).encode()

    assert parse_body(content, Work).task_name == "a"


def test_error_shows_the_beginning_of_a_long_name_only() -> None:
    content = json.dumps({"task_name": "a", "notes": {"n" * 10_000: 1}}).encode()

    with pytest.raises(RequestError) as caught:
        parse_body(content, Work)

    assert len(caught.value.message) < 500


@pytest.mark.parametrize("absent", ["null", '""'])
@pytest.mark.parametrize("field", ["options", "kind", "steps", "notes", "free", "instance_id"])
def test_optional_field_that_is_null_or_empty_has_its_default(field: str, absent: str) -> None:
    body = parse_body(f'{{"task_name": "a", "{field}": {absent}}}'.encode(), Work)

    assert body == Work(task_name="a")
    assert field not in body.model_fields_set


def test_parse_body_when_nested_optional_is_null_then_default() -> None:
    body = parse_body(b'{"task_name": "a", "options": {"count": null, "weight": ""}}', Work)

    assert body.options == Options()


def test_parse_body_when_required_is_null_or_empty_then_kept() -> None:
    body = parse_body(
        b'{"task_name": "a", "steps": [{"name": "x", "content": null}, {"name": "y", "content": ""}]}', Work
    )

    assert [part.content for part in body.steps] == [None, ""]


def test_unknown_fields_are_named_by_their_paths() -> None:
    body = parse_body(
        b'{"task_name": "a", "x": 1, "free": {"y": 1}, "options": {"maxTokens": 1}, "notes": {"z": ""},'
        b' "steps": [{"name": "a", "content": "b"}, {"name": "a", "content": "b", "mode": 1}]}',
        Work,
    )

    assert list(body.unknown_fields()) == ["x", "options.maxTokens", "steps.1.mode"]


async def test_unknown_fields_are_named_in_response_warnings() -> None:
    answer = await TestClient(create_app()).request("POST", "/echo", json={"task_name": "a", "github_repo": "a/b"})

    assert answer.json()["warnings"] == ["`github_repo` is not a field of this request; it was ignored"]


async def test_unknown_fields_when_metadata_exists_then_named_there() -> None:
    answer = await TestClient(create_app()).request("POST", "/described", json={"task_name": "a", "b": 1, "c": 2})

    body = answer.json()
    assert "warnings" not in body
    assert body["metadata"]["warnings"] == [
        "its own",
        *(f"`{x}` is not a field of this request; it was ignored" for x in "bc"),
    ]


async def test_response_without_unknown_fields_has_no_warnings() -> None:
    answer = await TestClient(create_app()).request("POST", "/echo", json={"task_name": "a", "kind": None})

    assert "warnings" not in answer.json()


def test_many_unknown_fields_are_counted() -> None:
    warnings = describe_unknown_fields(f"field_{index}" for index in range(25))

    assert len(warnings) == 21
    assert warnings[-1] == "5 more fields are not fields of this request; they were ignored"


async def test_body_when_zero_is_sent_then_it_is_a_value() -> None:
    answer = await post(b'{"task_name": "a", "options": {"count": 0, "weight": 0}}')

    assert answer.json() == {"instance": None, "project": None, "count": 0, "weight": 0}


async def test_body_when_it_has_unknown_members_then_they_are_ignored() -> None:
    assert (await post(b'{"task_name": "a", "extra": 1}')).status == 200


async def test_labels_when_in_body_and_header_then_the_body_wins() -> None:
    answer = await post(
        b'{"task_name": "a", "instance_id": "body", "project_id": "p"}', headers={"X-Instance-ID": "header"}
    )

    assert (answer.json()["instance"], answer.json()["project"]) == ("body", "p")


@pytest.mark.parametrize(("header", "label"), [("header", "header"), ("x" * 300, "x" * LABEL_LIMIT), ("", None)])
async def test_labels_when_only_in_header_then_cut_to_the_limit(header: str, label: str | None) -> None:
    answer = await post(b'{"task_name": "a"}', headers={"X-Instance-ID": header})

    assert answer.json()["instance"] == label


async def test_labels_when_too_long_in_the_body_then_refused() -> None:
    answer = await post(b'{"task_name": "a", "project_id": "%s"}' % (b"x" * (LABEL_LIMIT + 1)))

    assert answer.json()["details"]["fields"][0]["field"] == "project_id"


@given(st.binary())
def test_parse_body_when_any_bytes_then_model_or_request_error(content: bytes) -> None:
    try:
        assert parse_body(content, Work).task_name
    except RequestError as error:
        assert error.status == 400
