"""The stored responses: the vendor keeps each one with its input, unless the request says `"store": false`.

Here the number of responses is limited instead of their age.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...vendor import Call, Response, json_response
from .http import InvalidRequestError, base_headers
from .response_requests import Item

_MAX_RESPONSES = 1000


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response, and the conversation that it ends."""

    document: dict[str, Any]
    items: tuple[Item, ...]


_responses: OrderedDict[str, StoredResponse] = OrderedDict()


def store(document: dict[str, Any], items: Sequence[Item]) -> None:
    """Keep a response with the items of its input."""
    output = [Item.model_validate(item) for item in document["output"]]
    _responses[document["id"]] = StoredResponse(document, (*items, *output))
    while len(_responses) > _MAX_RESPONSES:
        _responses.popitem(last=False)


def resolve_items(items: Sequence[Item], *, previous: str | None) -> list[Item]:
    """Return the whole conversation: the items of the previous response, and references replaced by their items."""
    earlier: Sequence[Item] = ()
    if previous is not None:
        if previous not in _responses:
            message = f"Previous response with id '{previous}' not found."
            raise InvalidRequestError(message, param="previous_response_id", code="previous_response_not_found")
        earlier = _responses[previous].items
    return [*earlier, *(_find_item(item) if item.type == "item_reference" else item for item in items)]


def _find_item(reference: Item) -> Item:
    for response in reversed(_responses.values()):
        for item in response.items:
            if item.id is not None and item.id == reference.id:
                return item
    raise InvalidRequestError(f"Item with id '{reference.id}' not found.", param="input", status=404)


def get_response(call: Call) -> Response:
    """Return a stored response."""
    return json_response(_find(call.params["id"]).document, headers=base_headers())


def delete_response(call: Call) -> Response:
    """Forget a stored response."""
    response_id = _find(call.params["id"]).document["id"]
    del _responses[response_id]
    return json_response({"id": response_id, "object": "response", "deleted": True}, headers=base_headers())


def _find(response_id: str) -> StoredResponse:
    if response_id not in _responses:
        raise InvalidRequestError(f"Response with id '{response_id}' not found.", status=404)
    return _responses[response_id]
