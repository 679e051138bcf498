"""Shotstack: the Edit API, which really renders, in both environments, as of November 2026.

Sources: the OpenAPI document and the JSON schema of the npm package @shotstack/schemas 1.18.3, the guides at
https://shotstack.io/docs/guide. Error bodies are published only in part. `stage` and `v1` do the same and do not know
each other's renders. Assets are fetched from this machine only (`assets.py`).
"""

import tempfile
from functools import wraps
from pathlib import Path
from typing import Any

from ...media import media_answer
from ...vendor import Answer, Call, Handler, Refusal, Route, Vendor, json_answer, json_errors
from .assets import AssetError, fetch, probe
from .renders import OWNER, Render, find_file, find_render, submit
from .requests import InvalidEditError, check_edit, parse
from .templates import Template, templates_of

_ENVIRONMENTS = {"stage": "sandbox", "v1": "basic"}
_CONTENT_TYPES = {
    "mp4": "video/mp4",
    "gif": "image/gif",
    "mp3": "audio/mpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "bmp": "image/bmp",
}
_MESSAGES = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Request Too Long",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Endpoint request timed out",
}
# The API's gateway answers these itself, without the envelope of the API.
_GATEWAY = {401, 403, 404, 405, 413, 429, 500, 502, 503, 504}


def post_render(call: Call) -> Answer:
    return _queue(call, parse(call.body))


def get_render(call: Call) -> Answer:
    render = find_render(_environment(call), call.params["id"])
    if render is None:
        raise Refusal(error(400))
    described: dict[str, Any] = {
        "id": render.id,
        "owner": OWNER,
        "plan": _ENVIRONMENTS[render.environment],
        "status": render.status,
        "error": render.error,
        "created": render.created,
        "updated": render.updated,
    }
    described |= {
        name: value for name in ("duration", "url", "poster", "thumbnail") if (value := getattr(render, name))
    }
    if render.render_time is not None:
        described["renderTime"] = render.render_time
    if _flag(call, "data", default=True):
        described["data"] = render.merged if _flag(call, "merged", default=False) else render.edit
    return _success("OK", described)


def get_probe(call: Call) -> Answer:
    url = call.params["url"]
    with tempfile.TemporaryDirectory(prefix="emulated-shotstack-") as directory:
        path = Path(directory) / "probed"
        try:
            fetch(url, path)
            return _success("Created", {"metadata": probe(path, url=url)})
        except AssetError as failure:
            raise Refusal(error(400, str(failure))) from failure


def post_template(call: Call) -> Answer:
    template = Template.read(parse(call.body))
    templates_of(_environment(call))[template.id] = template
    return _success("Created", {"message": "Template Successfully Created", "id": template.id}, status=201)


def list_templates(call: Call) -> Answer:
    listed = [template.summary() for template in templates_of(_environment(call)).values()]
    return _success("OK", {"owner": OWNER, "templates": listed})


def get_template(call: Call) -> Answer:
    template = _find_template(call, call.params["id"])
    return _success("OK", {"id": template.id, "owner": OWNER, "name": template.name, "template": template.edit})


def put_template(call: Call) -> Answer:
    template = _find_template(call, call.params["id"])
    template.replace(parse(call.body))
    return _success("OK", {"message": "Template Successfully Updated", "id": template.id})


def delete_template(call: Call) -> Answer:
    template = _find_template(call, call.params["id"])
    del templates_of(_environment(call))[template.id]
    return Answer(204, [], [])


def render_template(call: Call) -> Answer:
    request = parse(call.body)
    template = _find_template(call, str(request.get("id", "")))
    # A field of the request goes before the template's own.
    fields = [*template.edit.get("merge", []), *request.get("merge", [])]
    return _queue(call, {**template.edit, "merge": fields})


def get_file(call: Call) -> Answer:
    content = find_file(call.params["name"])
    if content is None or call.params["owner"] != OWNER:
        raise Refusal(error(403))
    return media_answer(call, content, content_type=_CONTENT_TYPES[call.params["name"].rpartition(".")[2]])


def _queue(call: Call, edit: dict[str, Any]) -> Answer:
    environment, merged = _environment(call), check_edit(edit)
    files_url = f"http://{call.headers['host']}/shotstack/_files"
    render = Render(environment=environment, edit=edit, merged=merged, files_url=files_url)
    submit(render)
    return _success("Created", {"message": "Render Successfully Queued", "id": render.id}, status=201)


def _find_template(call: Call, template_id: str) -> Template:
    template = templates_of(_environment(call)).get(template_id)
    if template is None:
        raise Refusal(error(400, "Template not found"))
    return template


def _environment(call: Call) -> str:
    environment = call.params["environment"]
    if environment not in _ENVIRONMENTS:
        raise Refusal(error(404))
    return environment


def _flag(call: Call, name: str, *, default: bool) -> bool:
    return call.query.get(name, [str(default)])[0].lower() == "true"


def _success(message: str, response: dict[str, Any], *, status: int = 200) -> Answer:
    return json_answer({"success": True, "message": message, "response": response}, status=status)


def _checked(handler: Handler) -> Handler:
    """The handler with its `InvalidEditError` turned into a 400 that names what is wrong and where."""

    @wraps(handler)
    def answer(call: Call) -> Answer:
        try:
            return handler(call)
        except InvalidEditError as invalid:
            response = {"error": {"name": "ValidationError", "details": invalid.details}}
            return json_answer({"success": False, "message": "Bad Request", "response": response}, status=400)

    return answer


def authenticate(call: Call) -> None:
    """`x-api-key`. Any key will do that does not start with `invalid`; files need none."""
    key = call.headers.get("x-api-key", "")
    if not call.path.startswith("/_files/") and (not key.strip() or key.startswith("invalid")):
        raise Refusal(error(403))


def _error_body(status: int, message: str | None) -> dict[str, Any]:
    usual = _MESSAGES.get(status) or _MESSAGES[400 if status < 500 else 500]
    if status in _GATEWAY:
        return {"message": message or usual}
    return {"success": False, "message": usual, "response": {"error": message} if message else {}}


error, error_frame = json_errors(_error_body)


def unknown_route(call: Call) -> Answer:
    return error(404)


def _routes() -> list[Route]:
    """Every route under `/edit/{environment}`, and under the older `/{environment}`."""
    routes = [Route(method, "/_files/{owner}/{name}", get_file) for method in ("GET", "HEAD")]
    for base in ("/edit/{environment}", "/{environment}"):
        routes += [
            Route("POST", f"{base}/render", _checked(post_render)),
            Route("GET", f"{base}/render/{{id}}", get_render),
            Route("GET", f"{base}/probe/{{url:path}}", get_probe, slow=True),
            Route("POST", f"{base}/templates/render", _checked(render_template)),
            Route("POST", f"{base}/templates", _checked(post_template)),
            Route("GET", f"{base}/templates", list_templates),
            Route("GET", f"{base}/templates/{{id}}", get_template),
            Route("PUT", f"{base}/templates/{{id}}", _checked(put_template)),
            Route("DELETE", f"{base}/templates/{{id}}", delete_template),
        ]
    return routes


vendor = Vendor(
    name="shotstack",
    routes=_routes(),
    authenticate=authenticate,
    error=error,
    error_frame=error_frame,
    unknown_route=unknown_route,
    max_body_bytes=10 * 1024 * 1024,
)
