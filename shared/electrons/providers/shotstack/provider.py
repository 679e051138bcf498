"""Shotstack's Edit API.

Wire format: https://shotstack.io/docs/api/, and the OpenAPI document in the npm package @shotstack/schemas 1.18.3
(2026-09). `stage` is the sandbox and `v1` is paid; each has keys of its own and knows nothing of the other's renders.
"""

from __future__ import annotations

import json
from typing import Any, Literal, get_args
from urllib.parse import quote

from electrons.capabilities.render import RenderProgress, RenderProvider, RenderStatus
from electrons.errors import ProviderError
from electrons.http import HeaderPairs
from electrons.logs import redact
from electrons.settings import Setting, Settings
from electrons.upstream.errors import MESSAGE_LIMIT, classify_error, parse_json_error, parse_retry_after
from electrons.upstream.provider import ProviderRequest
from electrons.upstream.reading import as_object, as_text

ENVIRONMENT = Setting(
    name="SHOTSTACK_ENV",
    meaning="Shotstack's sandbox, or `v1`, which is paid and has a key of its own",
    kind=Literal["stage", "v1"],
    default="stage",
)

_ID_LIMIT = 200
_NUMBER_LIMIT = 10**9

# `generating` (assets made by AI) and statuses that are not known yet count as rendering.
_STATUSES: dict[str, RenderStatus] = {status: status for status in get_args(RenderStatus)}


class ShotstackProvider(RenderProvider):
    """Shotstack. A render is submitted once and asked about until it is `done` or `failed`."""

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
        return _read_id(document["response"]["id"])

    def build_lookup(self, render_id: str, *, environment: str, with_edit: bool = False) -> ProviderRequest:
        """Build `GET /edit/{environment}/render/{id}`, without the edit unless `with_edit`."""
        data = "true" if with_edit else "false"
        path = f"/edit/{environment}/render/{quote(_read_id(render_id), safe='')}?data={data}&merged=false"
        return ProviderRequest(path=path, method="GET")

    def parse_lookup(self, document: dict[str, Any]) -> RenderProgress:
        """Read `{"response": {"status", "url", "error", "duration", "renderTime", "data"?}}`.

        Only `status` must be there. `duration` is in seconds, `renderTime` in milliseconds.
        """
        self._raise_for_failure(document)
        response = document["response"]
        status = response["status"]
        if not isinstance(status, str):
            raise TypeError("the status is not a string")
        error = as_text(response.get("error"))
        render_time = _read_number(response.get("renderTime"))
        return RenderProgress(
            status=_STATUSES.get(status, "rendering"),
            error=redact(" ".join(error.split()))[:MESSAGE_LIMIT] if error else None,
            url=as_text(response.get("url")),
            duration_seconds=_read_number(response.get("duration")),
            render_time_ms=None if render_time is None else round(render_time),
            callback=as_text(as_object(response.get("data")).get("callback")),
        )

    def parse_webhook(self, document: dict[str, Any]) -> str | None:
        """Return the `id` in `{"type": "edit", "action": "render", "id", "status", "url", "error"}`."""
        try:
            return _read_id(document.get("id"))
        except ValueError:
            return None

    def _raise_for_failure(self, document: dict[str, Any]) -> None:
        if document.get("success") is False:
            raise self.parse_error(200, {}, json.dumps(document).encode())

    def parse_error(self, status: int, headers: dict[str, str], content: bytes) -> ProviderError:
        """`{"success": false, "message", "response"}`, or `{"message"}` from the gateway before the API.

        Details of a 400 are not published as a schema; what is seen are a text and a list of `message`s.
        """
        document = parse_json_error(content)
        response = as_object(document.get("response"))
        problem = response.get("error", response.get("errors"))
        named = as_object(problem)
        texts = _texts(named.get("details", problem))
        message = "; ".join(texts) or as_text(named.get("message")) or as_text(document.get("message"))
        return classify_error(
            message,
            provider=self,
            status=status,
            code=as_text(named.get("name")),
            request_id=headers.get("x-amzn-requestid"),
            retry_after=parse_retry_after(headers),
        )


def _read_id(value: object) -> str:
    """Return an id that can be a segment of a path. Raises ValueError for anything else."""
    if not isinstance(value, str) or not value or value in {".", ".."} or len(value) > _ID_LIMIT:
        raise ValueError("not the id of a render")
    return value


def _read_number(value: object) -> float | None:
    """Return a number from 0 to `_NUMBER_LIMIT`, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= _NUMBER_LIMIT else None


def _texts(problem: object) -> list[str]:
    if isinstance(problem, str):
        return [problem] if problem.strip() else []
    items = problem if isinstance(problem, list) else []
    found = [as_text(item) or as_text(as_object(item).get("message")) for item in items]
    return [text for text in found if text]
