"""KV: namespaces, keys and values. Sources: https://developers.cloudflare.com/api/resources/kv/, wrangler 4.164."""

import base64
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from ...forms import parse_form
from ...validation import describe_first_error
from ...vendor import Call, Response
from .calls import account_of, page_of, parse_body
from .http import refusal, success
from .resources import Namespace
from .runtime import OperationError

_NO_KEY = 10009
_INVALID = 10012
_NO_NAMESPACE = 10013
_TITLE_TAKEN = 10014
_KEYS_A_PAGE = 1000
_Body = TypeVar("_Body")


class _Pair(BaseModel):
    model_config = ConfigDict(strict=True)
    key: str
    value: str
    base64: bool = False
    expiration: int | None = None
    expiration_ttl: int | None = None
    metadata: Any = None


_PAIRS = TypeAdapter(list[_Pair])
_KEYS = TypeAdapter(list[str])


def create_namespace(call: Call) -> Response:
    """Create a namespace."""
    account = account_of(call)
    title = _read_title(call)
    with account.lock:
        if any(found.title == title for found in account.resources.namespaces.values()):
            text = "create namespace: 'a namespace with this account ID and title already exists'"
            raise refusal(400, _TITLE_TAKEN, text)
        namespace = Namespace(title)
        account.resources.namespaces[namespace.id] = namespace
    account.platform.mark_outdated()
    return success(_describe(namespace))


def _read_title(call: Call) -> str:
    title = parse_body(call).get("title")
    if not isinstance(title, str) or not 1 <= len(title) <= 512:
        raise refusal(400, _INVALID, "create namespace: 'title must be a string of 1 to 512 characters'")
    return title


def list_namespaces(call: Call) -> Response:
    """Return a page of namespaces, by `order` (id or title) and `direction`."""
    namespaces = list(account_of(call).resources.namespaces.values())
    by_title = call.query_value("order") == "title"
    namespaces.sort(
        key=lambda found: found.title if by_title else found.id, reverse=call.query_value("direction") == "desc"
    )
    page = page_of(call, namespaces, cap=_KEYS_A_PAGE)
    return success([_describe(namespace) for namespace in page.items], result_info=page.info)


def get_namespace(call: Call) -> Response:
    """Return a namespace."""
    return success(_describe(_namespace_of(call)))


def rename_namespace(call: Call) -> Response:
    """Change the title of a namespace."""
    account, namespace, title = account_of(call), _namespace_of(call), _read_title(call)
    renamed = replace(namespace, title=title)
    with account.lock:
        account.resources.namespaces[namespace.id] = renamed
    return success(_describe(renamed))


def delete_namespace(call: Call) -> Response:
    """Delete a namespace; bindings to it do not work any more."""
    account, namespace = account_of(call), _namespace_of(call)
    with account.lock:
        account.resources.namespaces.pop(namespace.id, None)
    account.platform.mark_outdated()
    return success(None)


def list_keys(call: Call) -> Response:
    """Return a page of keys; `cursor` continues after an earlier one."""
    options = {
        "limit": min(_KEYS_A_PAGE, max(10, call.query_number("limit", _KEYS_A_PAGE))),
        "prefix": call.query_value("prefix"),
        "cursor": call.query_value("cursor"),
    }
    found = _call(call, method="list", options=options)
    cursor = found.get("cursor") or ""
    return success(found["keys"], result_info={"count": len(found["keys"]), "cursor": cursor})


def get_value(call: Call) -> Response:
    """Return a value as it is, without an envelope."""
    found = _find(call)
    return Response(200, [(b"content-type", b"application/octet-stream")], [base64.b64decode(found["value"])])


def get_metadata(call: Call) -> Response:
    """Return the metadata of a key."""
    return success(_find(call)["metadata"])


def put_value(call: Call) -> Response:
    """Write a value: the body, or the field `value` of a form with `metadata`."""
    options: dict[str, Any] = {}
    value = call.body
    if call.headers.get("content-type", "").startswith("multipart/form-data"):
        form = parse_form(call)
        parts = {name: values[-1].encode() for name, values in form.fields.items()}
        parts |= {name: values[-1] for name, values in form.files.items()}
        value = parts.get("value", b"")
        if "metadata" in parts:
            options["metadata"] = from_json(parts["metadata"])
    for name, option in (("expiration", "expiration"), ("expiration_ttl", "expirationTtl")):
        if number := call.query_number(name, 0):
            options[option] = number
    _put(call, call.params["key"], value, options)
    return success(None)


def delete_value(call: Call) -> Response:
    """Delete a key, which need not exist."""
    _call(call, method="delete", key=call.params["key"])
    return success(None)


def get_values(call: Call) -> Response:
    """Return the values of up to 100 `keys` as texts, `null` for a key that does not exist."""
    keys = _read(_KEYS, to_json(parse_body(call).get("keys")))
    found = {key: _call(call, method="get", key=key)["value"] for key in keys}
    return success({"values": {key: value and base64.b64decode(value).decode() for key, value in found.items()}})


def put_values(call: Call) -> Response:
    """Write up to 10,000 pairs."""
    pairs = _read(_PAIRS, call.body)
    for pair in pairs:
        options = {"expiration": pair.expiration, "expirationTtl": pair.expiration_ttl, "metadata": pair.metadata}
        value = base64.b64decode(pair.value) if pair.base64 else pair.value.encode()
        _put(call, pair.key, value, {name: option for name, option in options.items() if option is not None})
    return success({"successful_key_count": len(pairs), "unsuccessful_keys": []})


def delete_values(call: Call) -> Response:
    """Delete up to 10,000 keys."""
    keys = _read(_KEYS, call.body)
    for key in keys:
        _call(call, method="delete", key=key)
    return success({"successful_key_count": len(keys), "unsuccessful_keys": []})


def _read(adapter: TypeAdapter[_Body], body: bytes) -> _Body:
    try:
        return adapter.validate_json(body)
    except ValidationError as problem:
        raise refusal(400, _INVALID, describe_first_error(problem)) from problem


def _find(call: Call) -> dict[str, Any]:
    found: dict[str, Any] = _call(call, method="get", key=call.params["key"])
    if found["value"] is None:
        raise refusal(404, _NO_KEY, "get: 'key not found'")
    return found


def _put(call: Call, key: str, value: bytes, options: dict[str, Any]) -> None:
    _call(call, method="put", key=key, value=base64.b64encode(value).decode(), options=options)


def _call(call: Call, **operation: Any) -> Any:
    account, namespace = account_of(call), _namespace_of(call)
    try:
        return account.platform.call(bound=("kv", namespace.id), resource="kv", id=namespace.id, **operation)
    except OperationError as problem:
        raise refusal(400, _INVALID, str(problem)) from problem


def _namespace_of(call: Call) -> Namespace:
    found = account_of(call).resources.namespaces.get(call.params["namespace"])
    if found is None:
        raise refusal(404, _NO_NAMESPACE, "get namespace: 'namespace not found'")
    return found


def _describe(namespace: Namespace) -> dict[str, Any]:
    return {"id": namespace.id, "title": namespace.title, "supports_url_encoding": True}
