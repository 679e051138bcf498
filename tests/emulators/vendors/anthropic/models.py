"""`GET /v1/models`, `/v1/models/{id}`, and the model of a request."""

from ...vendor import Call, Refusal, Response, json_response
from .catalogue import CATALOGUE, MODELS, Model
from .http import InvalidRequestError, base_headers, error


def find_model(model_id: str) -> Model:
    """Return the model with that id or alias. Raises `Refusal` with 404 if it is unknown or retired."""
    model = MODELS.get(model_id)
    if model is None or model.retired:
        raise Refusal(error(404, f"model: {model_id}"))
    return model


def list_models(call: Call) -> Response:
    """Return a page of models, newest first; retired ones only with `lifecycle=retired`."""
    stages = call.query.get("lifecycle", []) + call.query.get("lifecycle[]", []) or ["active", "deprecated"]
    models = [item for model in CATALOGUE if (item := model.describe())["lifecycle"] in stages]
    try:
        limit = int(call.query_value("limit", "20"))
    except ValueError:
        raise InvalidRequestError("limit: Input should be a valid integer") from None
    if not 1 <= limit <= 1000:
        raise InvalidRequestError("limit: Input should be between 1 and 1000")
    ids = [item["id"] for item in models]
    after, before = call.query_value("after_id"), call.query_value("before_id")
    start = ids.index(after) + 1 if after in ids else 0
    end = ids.index(before) if before in ids else len(ids)
    page = models[max(start, end - limit) : end] if before else models[start : start + limit]
    more = start < end - limit if before else start + limit < len(ids)
    first, last = (page[0]["id"], page[-1]["id"]) if page else (None, None)
    body = {"data": page, "has_more": more, "first_id": first, "last_id": last}
    return json_response(body, headers=base_headers())


def get_model(call: Call) -> Response:
    """Return one model, also a retired one."""
    model = MODELS.get(call.params["id"])
    if model is None:
        raise Refusal(error(404, f"model: {call.params['id']}"))
    return json_response(model.describe(), headers=base_headers())
