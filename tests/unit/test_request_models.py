"""The rules that hold for the request models of all workers."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pytest
from annotated_types import MaxLen
from pydantic import BaseModel

from electrons.dialects.requests import VendorRequest
from electrons.models import RequestModel, ResponseModel
from tests.apps import load_apps


def models_within(annotation: Any) -> Iterator[type[RequestModel]]:
    """Iterate over the request models in a type, and those in their fields."""
    if isinstance(annotation, type) and issubclass(annotation, RequestModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_within(field.annotation)
    for argument in get_args(annotation):
        yield from models_within(argument)


def is_collection(annotation: Any) -> bool:
    """Return whether a field of this type is a list or an object of any number of items."""
    return get_origin(annotation) in {list, dict} or any(
        get_origin(item) in {list, dict} for item in get_args(annotation)
    )


MODELS = {
    f"{name}:{model.__name__}": model
    for name, app in load_apps().items()
    for route in app.routes
    for model in models_within(route.body)
}


def test_bodies_of_requests_with_a_key_are_request_models() -> None:
    bodies = [
        route.body
        for app in load_apps().values()
        for route in app.routes
        if route.body and not route.public and route.dialect is None
    ]

    assert bodies
    assert all(issubclass(body, RequestModel | VendorRequest) for body in bodies)


@pytest.mark.parametrize("name", MODELS)
def test_lists_and_objects_of_a_request_have_a_limit(name: str) -> None:
    without_limit = [
        field_name
        for field_name, field in MODELS[name].model_fields.items()
        if is_collection(field.annotation) and not any(isinstance(item, MaxLen) for item in field.metadata)
    ]

    assert without_limit == []


@pytest.mark.parametrize("name", MODELS)
def test_errors_of_a_request_hide_what_was_sent(name: str) -> None:
    assert issubclass(MODELS[name], BaseModel)
    assert MODELS[name].model_config.get("hide_input_in_errors")


def test_document_of_a_response_has_the_warnings_it_is_given() -> None:
    body = ResponseModel(request_id="r", timestamp="t")

    assert body.to_document(["`x` is ignored"])["warnings"] == ["`x` is ignored"]
    assert "warnings" not in body.to_document([])
