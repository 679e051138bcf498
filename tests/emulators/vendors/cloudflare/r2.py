"""R2: buckets and objects. Sources: https://developers.cloudflare.com/api/resources/r2/, wrangler 4.164."""

import base64
import re
from typing import Any

from ...vendor import Call, Headers, Response
from .calls import account_of, parse_body
from .http import refusal, success
from .resources import Bucket
from .runtime import OperationError

_INVALID_NAME = 10005
_EXISTS = 10004
_NO_BUCKET = 10006
_NO_OBJECT = 10007
_NOT_EMPTY = 10008
_INVALID = 10001
_NAME = re.compile("[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_OBJECTS_A_PAGE = 1000
# The headers of an object, and their names in the binding's `httpMetadata`.
_HTTP_METADATA = {
    "content-type": "contentType",
    "content-language": "contentLanguage",
    "content-disposition": "contentDisposition",
    "content-encoding": "contentEncoding",
    "cache-control": "cacheControl",
}


def create_bucket(call: Call) -> Response:
    """Create a bucket."""
    account, body = account_of(call), parse_body(call)
    name = body.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise refusal(400, _INVALID_NAME, "The specified bucket name is not valid.")
    with account.lock:
        if name in account.resources.buckets:
            raise refusal(409, _EXISTS, "The bucket you tried to create already exists, and you own it.")
        storage_class = str(body.get("storageClass") or call.headers.get("cf-r2-storage-class") or "Standard")
        bucket = Bucket(name, storage_class=storage_class)
        account.resources.buckets[name] = bucket
    account.platform.mark_outdated()
    return success(_describe(bucket))


def list_buckets(call: Call) -> Response:
    """Return buckets by name; `cursor` continues after an earlier page."""
    size = call.query_number("per_page", 20) or 20
    after, prefix = call.query_value("cursor"), call.query_value("name_contains")
    names = sorted(name for name in account_of(call).resources.buckets if name > after and prefix in name)
    buckets = [_describe(account_of(call).resources.buckets[name]) for name in names[:size]]
    cursor = names[size - 1] if len(names) > size else ""
    return success({"buckets": buckets}, result_info={"cursor": cursor, "per_page": size})


def get_bucket(call: Call) -> Response:
    """Return a bucket."""
    return success(_describe(_bucket_of(call)))


def delete_bucket(call: Call) -> Response:
    """Delete an empty bucket."""
    account, bucket = account_of(call), _bucket_of(call)
    if account.platform.is_bound("r2", bucket.name) and _call(call, method="list", options={"limit": 1})["objects"]:
        raise refusal(409, _NOT_EMPTY, "The bucket you tried to delete is not empty.")
    with account.lock:
        account.resources.buckets.pop(bucket.name, None)
    account.platform.mark_outdated()
    return success({})


def list_objects(call: Call) -> Response:
    """Return a page of objects; `cursor` continues after an earlier one."""
    options: dict[str, Any] = {
        "limit": min(_OBJECTS_A_PAGE, call.query_number("per_page", 20) or 20),
        "include": ["httpMetadata", "customMetadata"],
    }
    for name in ("prefix", "cursor", "delimiter"):
        if value := call.query_value(name):
            options[name] = value
    found = _call(call, method="list", options=options)
    objects = [_describe_object(one) for one in found["objects"]]
    info = {"cursor": found.get("cursor") or "", "is_truncated": found["truncated"], "per_page": options["limit"]}
    return success(objects, result_info=info)


def put_object(call: Call) -> Response:
    """Write an object: the body, with the headers that are stored with it."""
    _bucket_of(call)
    metadata = {field: call.headers[name] for name, field in _HTTP_METADATA.items() if name in call.headers}
    options = {"httpMetadata": metadata}
    written = _call(call, method="put", key=call.params["key"], value=_encode(call.body), options=options)
    return success(_describe_object(written))


def get_object(call: Call) -> Response:
    """Return an object as it is, without an envelope."""
    found = _call(call, method="get", key=call.params["key"])
    if found is None:
        raise refusal(404, _NO_OBJECT, "The specified key does not exist.")
    metadata = found.get("httpMetadata") or {}
    headers: Headers = [
        (name.encode(), str(metadata[field]).encode()) for name, field in _HTTP_METADATA.items() if field in metadata
    ]
    return Response(200, [*headers, (b"etag", f'"{found["etag"]}"'.encode())], [base64.b64decode(found["value"])])


def delete_object(call: Call) -> Response:
    """Delete an object, which need not exist."""
    _call(call, method="delete", key=call.params["key"])
    return success({"key": call.params["key"]})


def _encode(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _call(call: Call, **operation: Any) -> Any:
    account, bucket = account_of(call), _bucket_of(call)
    try:
        return account.platform.call(bound=("r2", bucket.name), resource="r2", bucket=bucket.name, **operation)
    except OperationError as problem:
        raise refusal(400, _INVALID, str(problem)) from problem


def _bucket_of(call: Call) -> Bucket:
    found = account_of(call).resources.buckets.get(call.params["bucket"])
    if found is None:
        raise refusal(404, _NO_BUCKET, "The specified bucket does not exist.")
    return found


def _describe(bucket: Bucket) -> dict[str, Any]:
    return {
        "name": bucket.name,
        "creation_date": bucket.created_on,
        "location": bucket.location,
        "storage_class": bucket.storage_class,
        "jurisdiction": "default",
    }


def _describe_object(stored: dict[str, Any]) -> dict[str, Any]:
    return {
        "key": stored["key"],
        "version": stored["version"],
        "etag": stored["etag"],
        "size": str(stored["size"]),
        "last_modified": stored["uploaded"],
        "http_metadata": stored.get("httpMetadata") or {},
        "custom_metadata": stored.get("customMetadata") or {},
        "storage_class": stored.get("storageClass") or "Standard",
    }
