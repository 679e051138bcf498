"""`GET /v1/models`, `/v1/models/{id}`, and the model of a request."""

from collections.abc import Mapping

from ...vendor import Call, Response, json_response
from .catalogue import MODELS, OTHER_MODELS, SHUT_DOWN, Model
from .http import InvalidRequestError, base_headers

_DEPRECATIONS = "https://platform.openai.com/docs/deprecations"


def find_model(model_id: str, models: Mapping[str, Model] = MODELS) -> Model:
    """Return the chat model with that id or alias. Raises `InvalidRequestError` if it is unknown or shut down."""
    if model := models.get(model_id):
        return model
    raise model_not_found(model_id, shut_down=model_id in SHUT_DOWN)


def model_not_found(model_id: str, *, shut_down: bool) -> InvalidRequestError:
    """Return the 404 for a model that does not exist (any more)."""
    message = (
        f"The model `{model_id}` has been deprecated, learn more here: {_DEPRECATIONS}"
        if shut_down
        else f"The model `{model_id}` does not exist or you do not have access to it."
    )
    return InvalidRequestError(message, code="model_not_found", status=404)


def list_models(_: Call, models: Mapping[str, Model] = MODELS) -> Response:
    """Return all chat models, by id and by alias, and the vendor's models for other purposes."""
    others = OTHER_MODELS if models is MODELS else {}
    catalogue = {**models, **others}
    body = {"object": "list", "data": [model.describe(model_id) for model_id, model in catalogue.items()]}
    return json_response(body, headers=base_headers())


def get_model(call: Call, models: Mapping[str, Model] = MODELS) -> Response:
    """Return one model."""
    model_id = call.params["id"]
    if models is MODELS and model_id in OTHER_MODELS:
        return json_response(OTHER_MODELS[model_id].describe(model_id), headers=base_headers())
    return json_response(find_model(model_id, models).describe(model_id), headers=base_headers())
