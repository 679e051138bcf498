"""GitHub's answers: JSON with the rate limit's headers and an ETag, pages with links, and the errors.

Sources: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api and
…/troubleshooting-the-rest-api; the texts are those that users have shown of the live API.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlencode

from pydantic_core import to_json

from ...vendor import Answer, Call, Headers, Refusal, event_frame

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
    """The token of `Authorization: Bearer …` or `token …`; empty for a stranger."""
    kind, _, token = call.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() in {"bearer", "token"} else ""


def rate_of(token: str) -> dict[str, int]:
    """What a token may still do this hour; it starts again when it is used up, as an emulator may run for long."""
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


def answer(call: Call, body: object, *, status: int = 200, headers: Headers | None = None) -> Answer:
    """A success. A GET has an ETag, and is 304 for who has it already, which costs nothing of the rate limit."""
    content = to_json(body)
    etag = f'W/"{hashlib.sha256(content).hexdigest()}"'.encode()
    token = token_of(call)
    if call.method == "GET" and call.headers.get("if-none-match", "").encode() == etag:
        return Answer(304, [*_headers(rate_of(token)), (b"etag", etag)], [])
    _used[token] += call.path != "/rate_limit"
    version = call.headers.get("x-github-api-version", "2022-11-28").encode()
    own = [(b"x-github-api-version-selected", version), *(headers or [])]
    if call.method == "GET":
        own.append((b"etag", etag))
    return Answer(status, [*_headers(rate_of(token)), *own], [content])


def raw_answer(call: Call, content: bytes) -> Answer:
    """The bytes of a file, for who accepts `application/vnd.github.raw+json`."""
    _used[token_of(call)] += 1
    headers = [header for header in _headers(rate_of(token_of(call))) if header[0] != b"content-type"]
    return Answer(200, [(b"content-type", b"application/vnd.github.raw+json; charset=utf-8"), *headers], [content])


def wants_raw(call: Call) -> bool:
    accept = call.headers.get("accept", "")
    return "application/vnd.github" in accept and "raw" in accept


def no_content() -> Answer:
    return Answer(204, _headers(rate_of(""))[1:], [])


def page(call: Call, items: Sequence[T], describe: Callable[[T], object]) -> Answer:
    """A page of at most 100 items, 30 where nothing is said, with `link` to those around it."""
    number, size = max(1, _number(call, "page", 1)), min(100, max(1, _number(call, "per_page", 30)))
    last = max(1, -(-len(items) // size))
    others = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
    if number >= last:
        del others["next"], others["last"]
    if number == 1:
        del others["prev"], others["first"]
    kept = {key: values[-1] for key, values in call.query.items()}
    urls = {name: f"{base_url(call)}{call.path}?{urlencode({**kept, 'page': at})}" for name, at in others.items()}
    link = ", ".join(f'<{url}>; rel="{name}"' for name, url in urls.items())
    body = [describe(item) for item in items[(number - 1) * size : number * size]]
    return answer(call, body, headers=[(b"link", link.encode())] if link else None)


def base_url(call: Call) -> str:
    return f"http://{call.headers.get('host', '127.0.0.1')}/github"


def one(call: Call, name: str) -> str:
    """The last value of a query parameter, or nothing."""
    return call.query.get(name, [""])[-1]


def _number(call: Call, name: str, default: int) -> int:
    value = one(call, name)
    return int(value) if value.isdecimal() else default


def _error_body(status: int, message: str, errors: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    body: dict[str, Any] = {"message": message, "documentation_url": DOCUMENTATION, "status": str(status)}
    return {**body, "errors": errors} if errors else body


def error(
    status: int,
    message: str | None = None,
    *,
    code: str | None = None,
    retry_after: float | None = None,
    errors: Sequence[Mapping[str, str]] = (),
) -> Answer:
    """An error. 403 or 429 with `retry_after` is the secondary rate limit; with the code `rate_limit`, the primary."""
    rate = rate_of("exhausted" if code == _CODE_PRIMARY else "")
    if code == _CODE_PRIMARY:
        text = _PRIMARY
    elif retry_after is not None and status in {403, 429}:
        text = _SECONDARY
    else:
        text = _MESSAGES.get(status) or _MESSAGES[400 if status < 500 else 500]
    headers = _headers(rate)
    if retry_after is not None:
        headers.append((b"retry-after", f"{retry_after:g}".encode()))
    return Answer(status, headers, [to_json(_error_body(status, message or text, errors))])


def rate_limit_exceeded() -> Answer:
    """The primary limit: 403 with nothing remaining."""
    return error(403, code=_CODE_PRIMARY)


def error_frame(status: int, message: str | None = None, *, code: str | None = None) -> bytes:
    """GitHub streams nothing; what the contract of a vendor asks for."""
    return event_frame(_error_body(status, message or code or _MESSAGES[500], ()))


def refuse(status: int, message: str | None = None, *, errors: Sequence[Mapping[str, str]] = ()) -> NoReturn:
    """Raises `Refusal` with GitHub's error."""
    raise Refusal(error(status, message, errors=errors))


def read_body(call: Call, members: Mapping[str, str], *, required: Sequence[str] = ()) -> dict[str, Any]:
    """The JSON object in the body, whose `members` have the JSON types named (`string`, `array|null`).

    GitHub ignores members that it does not know. Raises `Refusal`: 400 for what is no JSON object, else 422.
    """
    try:
        body = json.loads(call.body or b"{}")
        if b"\\u" in call.body:
            # JSON can name half a surrogate pair, which no file, message or name can hold.
            json.dumps(body, ensure_ascii=False).encode()
    except ValueError:
        refuse(400, "Problems parsing JSON")
    if not isinstance(body, dict):
        refuse(400, "Body should be a JSON object")
    check_members(body, members, required=required)
    return body


def check_members(
    value: Mapping[str, Any], members: Mapping[str, str], *, required: Sequence[str] = (), where: str = "properties"
) -> None:
    """Raises `Refusal` with GitHub's 422 for members that are missing or of another type."""
    missing = [f'"{name}"' for name in required if name not in value]
    if missing:
        verb = "wasn't" if len(missing) == 1 else "weren't"
        refuse(422, f"Invalid request.\n\n{', '.join(missing)} {verb} supplied.")
    for name, types in members.items():
        if name in value and not any(isinstance(value[name], _JSON_TYPES[kind]) for kind in types.split("|")):
            given = json.dumps(value[name], ensure_ascii=False)
            wanted = types.split("|")[0]
            article = "an" if wanted[0] in "ao" else "a"
            refuse(422, f"Invalid request.\n\nFor '{where}/{name}', {given} is not {article} {wanted}.")
