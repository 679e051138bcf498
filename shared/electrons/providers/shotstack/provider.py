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
from electrons.settings import Setting, Settings
from electrons.upstream.errors import classify_error, parse_json_error, parse_retry_after
from electrons.upstream.provider import ProviderRequest
from electrons.upstream.reading import as_object, as_text

ENVIRONMENT = Setting(
    name="SHOTSTACK_ENV",
    meaning="Shotstack's sandbox, or `v1`, which is paid and has a key of its own",
    kind=Literal["stage", "v1"],
    default="stage",
)

# `generating` (assets by AI) and what else may come is shown as rendering.
_STATUSES: dict[str, RenderStatus] = {status: status for status in get_args(RenderStatus)}


class ShotstackProvider(RenderProvider):
    """Shotstack. A render is submitted once and asked about until it is `done` or `failed`."""

    name = "shotstack"
    title = "Shotstack"
    base_url = "https://api.shotstack.io"
    settings = (ENVIRONMENT,)

    def build_headers(self, api_key: str, request_id: str) -> HeaderPairs:
        """`x-api-key`; Shotstack takes no request id of ours."""
        return [("x-api-key", api_key), ("Accept", "application/json")]

    def environment(self, settings: Settings) -> str:
        """Return `stage` or `v1`."""
        return settings.get(ENVIRONMENT)

    def build_submission(self, edit: dict[str, Any], *, environment: str) -> ProviderRequest:
        """`POST /edit/{environment}/render`."""
        return ProviderRequest.json(f"/edit/{environment}/render", edit, headers=[], repeatable=False)

    def parse_submission(self, document: dict[str, Any]) -> str:
        """The render's id: `{"success": true, "message", "response": {"message", "id"}}`."""
        render_id = document["response"]["id"]
        if not isinstance(render_id, str) or not render_id:
            raise ValueError("no id")
        return render_id

    def build_lookup(self, render_id: str, *, environment: str, with_edit: bool = False) -> ProviderRequest:
        """`GET /edit/{environment}/render/{id}`, without the edit unless that is wanted."""
        data = "true" if with_edit else "false"
        path = f"/edit/{environment}/render/{quote(render_id, safe='')}?data={data}&merged=false"
        return ProviderRequest(path=path, method="GET")

    def parse_lookup(self, document: dict[str, Any]) -> RenderProgress:
        """`{"response": {"status", "url", "error", "duration", "renderTime", "data"?}}`."""
        response = document["response"]
        status = response["status"]
        duration, render_time = response.get("duration"), response.get("renderTime")
        return RenderProgress(
            status=_STATUSES.get(status, "rendering"),
            error=as_text(response.get("error")),
            url=as_text(response.get("url")),
            duration_seconds=float(duration) if duration is not None else None,
            render_time_ms=round(render_time) if render_time is not None else None,
            callback=as_text(as_object(response.get("data")).get("callback")),
        )

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


def _texts(problem: object) -> list[str]:
    if isinstance(problem, str):
        return [problem] if problem.strip() else []
    items = problem if isinstance(problem, list) else []
    found = [as_text(item) or as_text(as_object(item).get("message")) for item in items]
    return [text for text in found if text]
