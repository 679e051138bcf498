"""Bodies that stock-media refuses: each error names the wrong fields."""

from typing import Any

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.shapes import error_of, success_of

BODY_LIMIT = 1024 * 1024
PATHS = pytest.mark.parametrize("path", ["/search/videos", "/search/photos", "/search"])


@PATHS
@pytest.mark.parametrize("content", [b"", b'{"keywords": ["ocean"]', b"keywords=ocean", b'["ocean"]', b"null"])
def test_body_that_is_not_a_json_object_is_400(platform: Platform, path: str, content: bytes) -> None:
    error_of(platform.client("stock-media").post(path, content=content), 400, "INVALID_JSON")


@PATHS
@pytest.mark.parametrize("body", [{}, *({"keywords": value} for value in (None, [], "", [""], [" ", "\t"]))])
def test_missing_keywords_are_400(platform: Platform, emulators: Emulators, path: str, body: dict[str, Any]) -> None:
    error = error_of(platform.client("stock-media").post(path, json=body), 400, "INVALID_REQUEST")

    assert error["error"] == "Keywords are required"
    assert [field["field"] for field in error["details"]["fields"]] == ["keywords"]
    assert emulators.requests("pexels") == []


@PATHS
@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        ({"keywords": "ocean"}, ["keywords"]),
        ({"keywords": [7]}, ["keywords.0"]),
        ({"keywords": ["x" * 201]}, ["keywords.0"]),
        ({"keywords": ["x"] * 33}, ["keywords"]),
        ({"orientation": "round"}, ["orientation"]),
        ({"size": "huge"}, ["size"]),
        ({"options": []}, ["options"]),
        ({"options": {"per_page": 0}}, ["options.per_page"]),
        ({"options": {"per_page": 81}}, ["options.per_page"]),
        ({"options": {"per_page": "5"}}, ["options.per_page"]),
        ({"options": {"page": 0}}, ["options.page"]),
        ({"options": {"page": 1.5}}, ["options.page"]),
        ({"options": {"min_duration": -1}}, ["options.min_duration"]),
        ({"options": {"max_duration": "long"}}, ["options.max_duration"]),
        ({"options": {"min_duration": 9, "max_duration": 8}}, ["options.max_duration"]),
        ({"options": {"min_width": -1}}, ["options.min_width"]),
        ({"options": {"min_height": 1.5}}, ["options.min_height"]),
        ({"instance_id": 7}, ["instance_id"]),
        ({"project_id": "x" * 257}, ["project_id"]),
        ({"size": 7, "options": {"page": 0, "per_page": 0}}, ["size", "options.per_page", "options.page"]),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else None,
)
def test_wrong_fields_are_400_that_names_each(
    platform: Platform, emulators: Emulators, path: str, sent: dict[str, Any], fields: list[str]
) -> None:
    answer = platform.client("stock-media").post(path, json={"keywords": ["ocean"], **sent})

    error = error_of(answer, 400, "INVALID_REQUEST")
    assert [problem["field"] for problem in error["details"]["fields"]] == fields
    assert emulators.requests("pexels") == []


def test_unknown_fields_and_nulls_count_as_absent(platform: Platform) -> None:
    options = {"per_page": None, "min_duration": None, "quality": "hd"}
    body = {"keywords": ["ocean"], "orientation": None, "size": None, "colour": "blue", "options": options}

    assert success_of(platform.client("stock-media").post("/search/videos", json=body))["per_page"] == 15


@PATHS
def test_body_when_larger_than_the_limit_then_413(platform: Platform, path: str) -> None:
    answer = platform.client("stock-media").post(path, content=b" " * (BODY_LIMIT + 1))

    assert error_of(answer, 413, "PAYLOAD_TOO_LARGE")["details"] == {"limit_bytes": BODY_LIMIT}


@PATHS
def test_wrong_method_is_405(platform: Platform, path: str) -> None:
    answer = platform.client("stock-media").get(path)

    error_of(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["Allow"] == "OPTIONS, POST"


@PATHS
def test_path_when_a_browser_asks_first_then_204(platform: Platform, path: str) -> None:
    answer = platform.client("stock-media").options(path, headers={"Origin": "https://app.example"})

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", ["/search/", "/search/sounds", "/search/videos/1", "/SEARCH"])
def test_path_when_unknown_then_404(platform: Platform, path: str) -> None:
    error_of(platform.client("stock-media").post(path, json={"keywords": ["ocean"]}), 404, "ROUTE_NOT_FOUND")
