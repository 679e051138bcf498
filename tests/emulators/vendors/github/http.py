"""GitHub's requests and responses: JSON with rate-limit headers and an ETag, pages with links, errors.

Sources: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api and
…/troubleshooting-the-rest-api; the error texts were published by users of the live API.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlencode

from pydantic_core import to_json

from ...vendor import Call, Headers, Refusal, Response, by_status, event_frame, retry_header

T = TypeVar("T")

DOCUMENTATION = "https://docs.github.com/rest"
_LIMIT = 5000
_HOUR = 3600
_CODE_PRIMARY = "rate_limit"
_PRIMARY = "API rate limit exceeded for user ID 1."
_SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
_MESSAGES = {
    400: "Bad Request",
    401: "Bad credentials",
    403: "Resource not accessible by personal access token",
    404: "Not Found",
    409: "Git Repository is empty.",
    413: "Payload too big",
    422: "Validation Failed",
    429: _SECONDARY,
    500: "Server Error",
    502: "Server Error",
    503: "Service unavailable",
}
_JSON_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}
_used: Counter[str] = Counter()


def token_of(call: Call) -> str:
    """Return the token of `Authorization: Bearer …` or `token …`, or an empty string."""
    kind, _, token = call.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() in {"bearer", "token"} else ""


def rate_of(token: str) -> dict[str, int]:
    """Return the token's quota of this hour, which starts again when it is used up."""
    used = _LIMIT if token.startswith("exhausted") else _used[token] % _LIMIT
    reset = (int(time.time()) // _HOUR + 1) * _HOUR
    return {"limit": _LIMIT, "used": used, "remaining": _LIMIT - used, "reset": reset}


def _headers(rate: Mapping[str, int]) -> Headers:
    return [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"x-github-media-type", b"github.v3; format=json"),
        (b"x-github-request-id", hashlib.sha256(str(time.time_ns()).encode()).hexdigest()[:24].upper().encode()),
        *((f"x-ratelimit-{name}".encode(), str(value).encode()) for name, value in rate.items()),
        (b"x-ratelimit-resource", b"core"),
    ]


def success(call: Call, body: object, *, status: int = 200, headers: Headers | None = None) -> Response:
    """Return a success; a GET has an ETag, and gets a 304 that does not count if the caller sent the same one."""
    content = to_json(body)
    etag = f'W/"{hashlib.sha256(content).hexdigest()}"'.encode()
    token = token_of(call)
    if call.method == "GET" and call.headers.get("if-none-match", "").encode() == etag:
        return Response(304, [*_headers(rate_of(token)), (b"etag", etag)], [])
    _used[token] += call.path != "/rate_limit"
    version = call.headers.get("x-github-api-version", "2022-11-28").encode()
    own = [(b"x-github-api-version-selected", version), *(headers or [])]
    if call.method == "GET":
        own.append((b"etag", etag))
    return Response(status, [*_headers(rate_of(token)), *own], [content])


def raw_response(call: Call, content: bytes) -> Response:
    """Return the bytes of a file, for callers that accept `application/vnd.github.raw+json`."""
    _used[token_of(call)] += 1
    headers = [header for header in _headers(rate_of(token_of(call))) if header[0] != b"content-type"]
    return Response(200, [(b"content-type", b"application/vnd.github.raw+json; charset=utf-8"), *headers], [content])


def wants_raw(call: Call) -> bool:
    """Return whether the caller accepts the bytes of a file."""
    accept = call.headers.get("accept", "")
    return "application/vnd.github" in accept and "raw" in accept


def no_content() -> Response:
    """Return a 204."""
    return Response(204, _headers(rate_of(""))[1:], [])


def page_of(call: Call, items: Sequence[T], describe: Callable[[T], object]) -> Response:
    """Return a page with `link` to the others: 30 items unless `per_page` says another number up to 100."""
    number, size = max(1, call.query_number("page", 1)), min(100, max(1, call.query_number("per_page", 30)))
    last = max(1, -(-len(items) // size))
    others = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
    if number >= last:
        del others["next"], others["last"]
    if number == 1:
        del others["prev"], others["first"]
    query = {key: values[-1] for key, values in call.query.items()}
    urls = {name: f"{base_url(call)}{call.path}?{urlencode({**query, 'page': at})}" for name, at in others.items()}
    link = ", ".join(f'<{url}>; rel="{name}"' for name, url in urls.items())
    body = [describe(item) for item in items[(number - 1) * size : number * size]]
    return success(call, body, headers=[(b"link", link.encode())] if link else None)


def base_url(call: Call) -> str:
    """Return the emulator's base URL, as the caller reaches it."""
    return call.url_of("/github")


def _describe_error(status: int, message: str, errors: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    body: dict[str, Any] = {"message": message, "documentation_url": DOCUMENTATION, "status": str(status)}
    return {**body, "errors": errors} if errors else body


def error(
    status: int,
    message: str | None = None,
    *,
    code: str | None = None,
    retry_after: float | None = None,
    errors: Sequence[Mapping[str, str]] = (),
) -> Response:
    """Return an error; the code `rate_limit` means the primary limit, 403 and 429 with `retry_after` the secondary."""
    rate = rate_of("exhausted" if code == _CODE_PRIMARY else "")
    if code == _CODE_PRIMARY:
        text = _PRIMARY
    elif retry_after is not None and status in {403, 429}:
        text = _SECONDARY
    else:
        text = by_status(_MESSAGES, status)
    headers = _headers(rate) + ([] if retry_after is None else retry_header(retry_after))
    return Response(status, headers, [to_json(_describe_error(status, message or text, errors))])


def rate_limit_exceeded() -> Response:
    """Return the error of the primary limit: 403 without remaining requests."""
    return error(403, code=_CODE_PRIMARY)


def error_frame(status: int, message: str | None = None, *, code: str | None = None) -> bytes:
    """Return the frame that every vendor needs, although GitHub has no streams."""
    return event_frame(_describe_error(status, message or code or _MESSAGES[500], ()))


def refuse(status: int, message: str | None = None, *, errors: Sequence[Mapping[str, str]] = ()) -> NoReturn:
    """Raise `Refusal` with GitHub's error."""
    raise Refusal(error(status, message, errors=errors))


def parse_body(call: Call, types: Mapping[str, str], *, required: Sequence[str] = ()) -> dict[str, Any]:
    """Return the JSON object in the body after a check of its fields' JSON types (`string`, `array|null`).

    GitHub ignores unknown fields. Raises `Refusal`: 400 if the body is not a JSON object, else 422.
    """
    try:
        body = json.loads(call.body or b"{}")
        if b"\\u" in call.body:
            # JSON can contain half a surrogate pair, which a file, message or name cannot.
            json.dumps(body, ensure_ascii=False).encode()
    except ValueError:
        refuse(400, "Problems parsing JSON")
    if not isinstance(body, dict):
        refuse(400, "Body should be a JSON object")
    check_fields(body, types, required=required)
    return body


def check_fields(
    value: Mapping[str, Any], types: Mapping[str, str], *, required: Sequence[str] = (), where: str = "properties"
) -> None:
    """Check the fields of an object. Raises `Refusal` with 422 for one that is missing or of another type."""
    missing = [f'"{name}"' for name in required if name not in value]
    if missing:
        verb = "wasn't" if len(missing) == 1 else "weren't"
        refuse(422, f"Invalid request.\n\n{', '.join(missing)} {verb} supplied.")
    for name, allowed in types.items():
        if name in value and not any(isinstance(value[name], _JSON_TYPES[kind]) for kind in allowed.split("|")):
            given = json.dumps(value[name], ensure_ascii=False)
            wanted = allowed.split("|")[0]
            article = "an" if wanted[0] in "ao" else "a"
            refuse(422, f"Invalid request.\n\nFor '{where}/{name}', {given} is not {article} {wanted}.")
