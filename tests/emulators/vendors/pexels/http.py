"""Pexels' responses: pages with absolute links, the headers of the quota, and the errors.

Few error bodies are known; the emulator's have the fields of all of them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

from ...vendor import Body, Call, Headers, Response, build_errors, by_status, json_response

_MONTHLY_LIMIT = 20_000
_MESSAGES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    413: "Payload Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_used: Counter[str] = Counter()


def _describe_error(status: int, message: str | None, code: str | None) -> Body:
    text = message or by_status(_MESSAGES, status)
    return {"status": status, "code": code or text, "error": text}


error, error_frame = build_errors(_describe_error)


def success(call: Call, body: object) -> Response:
    """Return a 200 with the key's quota, which starts again when it is used up and so never refuses a request."""
    key = call.headers["authorization"]
    _used[key] += 1
    now = datetime.now(UTC)
    reset = datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)
    headers: Headers = [
        (b"x-ratelimit-limit", b"%d" % _MONTHLY_LIMIT),
        (b"x-ratelimit-remaining", b"%d" % (_MONTHLY_LIMIT - _used[key] % _MONTHLY_LIMIT)),
        (b"x-ratelimit-reset", b"%d" % reset.timestamp()),
    ]
    return json_response(body, headers=headers)


def page_of(call: Call, name: str, items: Sequence[Body], fields: Mapping[str, object]) -> Response:
    """Return one page: 15 items unless `per_page` says another number up to 80; a page after the last is empty."""
    number, size = max(1, call.query_number("page", 1)), min(80, max(1, call.query_number("per_page", 15)))
    start = (number - 1) * size

    def link(other: int) -> str:
        query = {key: values[-1] for key, values in sorted(call.query.items())}
        return call.url_of(f"/pexels{call.path}/?{urlencode({**query, 'page': other, 'per_page': size})}")

    body = {
        "page": number,
        "per_page": size,
        name: items[start : start + size],
        "total_results": len(items),
        **fields,
    }
    if start + size < len(items):
        body["next_page"] = link(number + 1)
    if number > 1:
        body["prev_page"] = link(number - 1)
    return success(call, body)
