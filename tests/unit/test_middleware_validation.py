"""Bodies, and what callers are told about wrong ones."""

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from electrons.app import App
from electrons.context import Context
from electrons.errors import RequestError
from electrons.http import Response
from electrons.middleware.validation import parse_body
from electrons.models import LABEL_LIMIT, LabeledRequest, RequestModel, not_blank
from electrons.testing import TestClient, TestResponse


class Options(RequestModel):
    count: int = Field(default=1, ge=0, le=10)
    weight: float = Field(default=0.5, ge=0, le=2)


class Work(LabeledRequest):
    task_name: Annotated[str, Field(max_length=10), not_blank("Task is required")]
    options: Options = Field(default_factory=Options)


def create_app() -> App:
    app = App("worker")

    @app.post("/work")
    async def work(context: Context, body: Work) -> Response:
        labels = context.labels
        return Response.json(
            {"instance": labels.instance_id, "project": labels.project_id, **body.options.model_dump()}
        )

    return app


async def post(content: bytes, headers: dict[str, str] | None = None) -> TestResponse:
    return await TestClient(create_app()).request("POST", "/work", content=content, headers=headers)


@pytest.mark.parametrize("content", [b"", b"{", b"no", b"\xff", b'{"task_name": "\\ud800"}', b"[" * 10_000, b"{} {}"])
async def test_body_when_it_is_no_json_then_invalid_json(content: bytes) -> None:
    answer = await post(content)

    assert (answer.status, answer.json()["error_code"]) == (400, "INVALID_JSON")
    assert answer.json()["error"] == "The request body is not valid JSON"


@pytest.mark.parametrize("content", [b"[]", b'"text"', b"1", b"null", b"true"])
async def test_body_when_it_is_no_object_then_invalid_json(content: bytes) -> None:
    answer = await post(content)

    assert (answer.status, answer.json()["error_code"]) == (400, "INVALID_JSON")
    assert answer.json()["error"] == "The request body must be a JSON object"


@pytest.mark.parametrize(
    ("content", "error", "field"),
    [
        (b"{}", "Task name is required", "task_name"),
        (b'{"task_name": " \\n"}', "Task is required", "task_name"),
        (b'{"task_name": 5}', "task_name: Input should be a valid string", "task_name"),
        (b'{"task_name": "12345678901"}', "task_name: String should have at most 10 characters", "task_name"),
        (b'{"task_name": "a", "options": {"count": "5"}}', "options.count: Input should be a valid", "options.count"),
        (b'{"task_name": "a", "options": {"count": 1.5}}', "options.count: Input should be a valid", "options.count"),
        (b'{"task_name": "a", "options": {"count": 11}}', "options.count: Input should be less", "options.count"),
        (b'{"task_name": "a", "options": {"weight": NaN}}', "options.weight: Input should be", "options.weight"),
        (b'{"task_name": "a", "options": null}', "options: Input should be an object", "options"),
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
async def test_labels_when_only_in_the_header_then_that_one_cut_to_the_limit(header: str, label: str | None) -> None:
    answer = await post(b'{"task_name": "a"}', headers={"X-Instance-ID": header})

    assert answer.json()["instance"] == label


async def test_labels_when_too_long_in_the_body_then_refused() -> None:
    answer = await post(b'{"task_name": "a", "project_id": "%s"}' % (b"x" * (LABEL_LIMIT + 1)))

    assert answer.json()["details"]["fields"][0]["field"] == "project_id"


@given(st.binary())
def test_parse_body_when_anything_comes_then_a_model_or_a_request_error(content: bytes) -> None:
    try:
        assert parse_body(content, Work).task_name
    except RequestError as error:
        assert error.status == 400
