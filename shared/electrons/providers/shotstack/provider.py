"""Shotstack's Edit API.

Wire format: https://shotstack.io/docs/api/, and the OpenAPI document in the npm package @shotstack/schemas 1.18.3
(2026-09). `stage` is the sandbox and `v1` is paid; each has keys of its own and knows nothing of the other's renders.
"""

from __future__ import annotations

from typing import Any, Literal, get_args
from urllib.parse import quote

from electrons.capabilities.render import RenderProgress, RenderProvider, RenderStatus
from electrons.errors import ProviderError
from electrons.http import HeaderPairs
from electrons.logs import redact
from electrons.providers.shotstack.edit import measure_edit
from electrons.settings import Setting, Settings
from electrons.upstream.errors import MESSAGE_LIMIT, classify_error, parse_json_error, parse_retry_after, status_of_code
from electrons.upstream.provider import ProviderRequest
from electrons.upstream.reading import Reader, as_object, as_string

ENVIRONMENT = Setting(
    name="SHOTSTACK_ENV",
    meaning="Shotstack's sandbox, or `v1`, which is paid and has a key of its own",
    kind=Literal["stage", "v1"],
    default="stage",
)

_ID_LIMIT = 200
_DOT_SEGMENTS = {".", ".."}

# `generating` (assets made by AI) and statuses that are not known yet count as rendering.
_STATUSES: dict[str, RenderStatus] = {status: status for status in get_args(RenderStatus)}


class ShotstackProvider(RenderProvider):
    """Shotstack. A render is submitted once and looked up until it is `done` or `failed`."""

    name = "shotstack"
    title = "Shotstack"
    base_url = "https://api.shotstack.io"
    settings = (ENVIRONMENT,)

    def build_headers(self, api_key: str, request_id: str) -> HeaderPairs:
        """Return `x-api-key`; Shotstack takes no request id of ours."""
        return [("x-api-key", api_key), ("Accept", "application/json")]

    def environment(self, settings: Settings) -> str:
        """Return `stage` or `v1`."""
        return settings.get(ENVIRONMENT)

    def build_submission(self, edit: dict[str, Any], *, environment: str) -> ProviderRequest:
        """Build `POST /edit/{environment}/render`."""
        return ProviderRequest.json(f"/edit/{environment}/render", edit, headers=[], repeatable=False)

    def parse_submission(self, document: dict[str, Any]) -> str:
        """Return the render's id: `{"success": true, "message", "response": {"message", "id"}}`."""
        self._raise_for_failure(document)
        return _check_id(Reader(document).child("response").string("id", limit=_ID_LIMIT))

    def measure_edit(self, edit: dict[str, Any]) -> int:
        """Return the end of the last clip."""
        return measure_edit(edit)

    def build_lookup(self, render_id: str, *, environment: str, with_edit: bool = False) -> ProviderRequest:
        """Build `GET /edit/{environment}/render/{id}`, without the edit unless `with_edit`."""
        data = "true" if with_edit else "false"
        path = f"/edit/{environment}/render/{quote(_check_id(render_id), safe='')}?data={data}&merged=false"
        return ProviderRequest(path=path, method="GET")

    def parse_lookup(self, document: dict[str, Any]) -> RenderProgress:
        """Read `{"response": {"status", "url", "error", "duration", "renderTime", "data"?}}`.

        Only `status` must be there. `duration` is in seconds, `renderTime` in milliseconds.
        """
        self._raise_for_failure(document)
        response = Reader(document).child("response")
        error = response.string("error", limit=None, default="")
        render_time = response.number("renderTime", default=None)
        return RenderProgress(
            status=_STATUSES.get(response.string("status"), "rendering"),
            error=redact(" ".join(error.split()))[:MESSAGE_LIMIT] or None,
            url=response.string("url", default=None),
            duration_seconds=response.number("duration", default=None),
            render_time_ms=None if render_time is None else round(render_time),
            callback=response.child("data").string("callback", default=None),
        )

    def parse_webhook(self, document: dict[str, Any]) -> str | None:
        """Return the `id` in `{"type": "edit", "action": "render", "id", "status", "url", "error"}`."""
        render_id = as_string(document.get("id"), limit=_ID_LIMIT)
        return None if render_id in _DOT_SEGMENTS else render_id

    def parse_error(self, status: int, headers: dict[str, str], content: bytes) -> ProviderError:
        """Read `{"success": false, "message", "response"}`, or `{"message"}` from the gateway before the API."""
        return self._classify(parse_json_error(content), status=status, headers=headers)

    def _raise_for_failure(self, document: dict[str, Any]) -> None:
        """Raise the error in a response of status 200."""
        if document.get("success") is False:
            raise self._classify(document, status=None, headers={})

    def _classify(self, document: dict[str, Any], *, status: int | None, headers: dict[str, str]) -> ProviderError:
        # Details of a 400 are not published as a schema; users have shown a string and a list of `message`s.
        response = as_object(document.get("response"))
        problem = response.get("error", response.get("errors"))
        named = as_object(problem)
        messages = _messages(named.get("details", problem))
        message = "; ".join(messages) or as_string(named.get("message")) or as_string(document.get("message"))
        return classify_error(
            message,
            provider=self,
            status=status_of_code(named.get("name"), document.get("code"), default=500) if status is None else status,
            code=named.get("name"),
            request_id=headers.get("x-amzn-requestid"),
            retry_after=parse_retry_after(headers),
        )


def _check_id(render_id: str) -> str:
    """Return an id that can be a segment of a path. Raises ValueError for any other."""
    if not render_id or render_id in _DOT_SEGMENTS or len(render_id) > _ID_LIMIT:
        raise ValueError("not the id of a render")
    return render_id


def _messages(problem: object) -> list[str]:
    if isinstance(problem, str):
        return [problem] if problem.strip() else []
    items = problem if isinstance(problem, list) else []
    found = [as_string(item) or as_string(as_object(item).get("message")) for item in items]
    return [text for text in found if text]
