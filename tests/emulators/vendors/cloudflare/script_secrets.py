"""A script's secrets: each change deploys a new version of the same code. Responses never contain values."""

from typing import Any

from ...vendor import Call, Response
from .calls import parse_body, script_of, source_of
from .http import (
    BINDING_NAME_TAKEN,
    BINDING_NOT_FOUND,
    INVALID,
    SECRET_ON_UNDEPLOYED_VERSION,
    refusal,
    success,
    success_list,
)


def list_secrets(call: Call) -> Response:
    """Return the names of the deployed secrets."""
    return success_list([_describe_secret(name) for name in sorted(script_of(call).deployed.secrets)])


def get_secret(call: Call) -> Response:
    """Return the name of a secret."""
    return success(_describe_secret(_find_secret(call)))


def put_secret(call: Call) -> Response:
    """Set a secret."""
    secret = parse_body(call)
    _change_secrets(call, {str(secret.get("name") or ""): secret})
    return success(_describe_secret(secret["name"]))


def delete_secret(call: Call) -> Response:
    """Delete a secret."""
    _change_secrets(call, {_find_secret(call): None})
    return success(None)


def patch_secrets(call: Call) -> Response:
    """Change several secrets: `{"secrets": {name: {"name", "type", "text"} or null to delete}}`."""
    changes = parse_body(call).get("secrets")
    if not isinstance(changes, dict):
        raise refusal(400, INVALID, "secrets must be an object")
    _change_secrets(call, changes)
    return success({name: _describe_secret(name) for name in sorted(script_of(call).deployed.secrets)})


def _describe_secret(name: str) -> dict[str, object]:
    return {"name": name, "type": "secret_text"}


def _find_secret(call: Call) -> str:
    if call.params["secret"] not in script_of(call).deployed.secrets:
        raise refusal(404, BINDING_NOT_FOUND, f"Binding '{call.params['secret']}' not found.")
    return call.params["secret"]


def _change_secrets(call: Call, changes: dict[str, Any]) -> None:
    """Deploy the same code with other secrets. Raises `Refusal`."""
    script = script_of(call)
    with script.lock:
        version = script.versions[-1]
        if version.id not in script.deployments[-1].shares:
            text = (
                "Secret edit failed. You attempted to modify a secret, but the latest version isn't currently deployed."
            )
            raise refusal(400, SECRET_ON_UNDEPLOYED_VERSION, text)
        bindings = {binding["name"]: binding for binding in version.bindings}
        for name, secret in changes.items():
            if bindings.get(name, {"type": "secret_text"})["type"] != "secret_text":
                raise refusal(
                    400, BINDING_NAME_TAKEN, f"Binding name '{name}' already in use. Please use a different name."
                )
            if secret is None:
                bindings.pop(name, None)
            elif name and secret.get("type", "secret_text") == "secret_text" and isinstance(secret.get("text"), str):
                bindings[name] = {"name": name, "type": "secret_text", "text": secret["text"]}
            else:
                raise refusal(400, INVALID, "a secret must have a `name`, a `text` and the `type` secret_text")
        script.replace(version.upload, list(bindings.values()), source=source_of(call), triggered_by="secret")
