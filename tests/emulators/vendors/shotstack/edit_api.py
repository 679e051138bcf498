"""The handlers of the Edit API: renders, probes, templates, and the rendered files."""

import tempfile
from pathlib import Path
from typing import Any

from ...media import media_response
from ...vendor import Call, Refusal, Response
from .assets import AssetError, fetch, probe
from .http import error, success
from .renders import OWNER, Render, find_file, find_render, submit
from .requests import check_edit, parse
from .templates import Template, templates_of

_PLANS = {"stage": "sandbox", "v1": "basic"}
_CONTENT_TYPES = {
    "mp4": "video/mp4",
    "gif": "image/gif",
    "mp3": "audio/mpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "bmp": "image/bmp",
}


def post_render(call: Call) -> Response:
    """Queue a render."""
    return _queue(call, parse(call.body))


def get_render(call: Call) -> Response:
    """Return the state of a render."""
    render = find_render(_environment_of(call), call.params["id"])
    if render is None:
        raise Refusal(error(400))
    described: dict[str, Any] = {
        "id": render.id,
        "owner": OWNER,
        "plan": _PLANS[render.environment],
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
    if _query_flag(call, "data", default=True):
        described["data"] = render.merged if _query_flag(call, "merged", default=False) else render.edit
    return success("OK", described)


def get_probe(call: Call) -> Response:
    """Return what `ffprobe` prints about a file."""
    url = call.params["url"]
    with tempfile.TemporaryDirectory(prefix="emulated-shotstack-") as directory:
        path = Path(directory) / "probed"
        try:
            fetch(url, path)
            return success("Created", {"metadata": probe(path, url=url)})
        except AssetError as failure:
            raise Refusal(error(400, str(failure))) from failure


def post_template(call: Call) -> Response:
    """Store a template."""
    template = Template.from_body(parse(call.body))
    templates_of(_environment_of(call))[template.id] = template
    return success("Created", {"message": "Template Successfully Created", "id": template.id}, status=201)


def list_templates(call: Call) -> Response:
    """Return all templates of the environment."""
    listed = [template.summary() for template in templates_of(_environment_of(call)).values()]
    return success("OK", {"owner": OWNER, "templates": listed})


def get_template(call: Call) -> Response:
    """Return one template."""
    template = _find_template(call, call.params["id"])
    return success("OK", {"id": template.id, "owner": OWNER, "name": template.name, "template": template.edit})


def put_template(call: Call) -> Response:
    """Replace a template."""
    template = _find_template(call, call.params["id"])
    template.replace(parse(call.body))
    return success("OK", {"message": "Template Successfully Updated", "id": template.id})


def delete_template(call: Call) -> Response:
    """Delete a template."""
    template = _find_template(call, call.params["id"])
    del templates_of(_environment_of(call))[template.id]
    return Response(204, [], [])


def render_template(call: Call) -> Response:
    """Queue a render of a template."""
    request = parse(call.body)
    template = _find_template(call, str(request.get("id", "")))
    # A later field replaces an earlier one, so the request's fields override the template's.
    fields = [*template.edit.get("merge", []), *request.get("merge", [])]
    return _queue(call, {**template.edit, "merge": fields})


def get_file(call: Call) -> Response:
    """Return a rendered file."""
    content = find_file(call.params["name"])
    if content is None or call.params["owner"] != OWNER:
        raise Refusal(error(403))
    return media_response(call, content, content_type=_CONTENT_TYPES[call.params["name"].rpartition(".")[2]])


def _queue(call: Call, edit: dict[str, Any]) -> Response:
    environment, merged = _environment_of(call), check_edit(edit)
    files_url = call.url_of("/shotstack/_files")
    render = Render(environment=environment, edit=edit, merged=merged, files_url=files_url)
    submit(render)
    return success("Created", {"message": "Render Successfully Queued", "id": render.id}, status=201)


def _find_template(call: Call, template_id: str) -> Template:
    template = templates_of(_environment_of(call)).get(template_id)
    if template is None:
        raise Refusal(error(400, "Template not found"))
    return template


def _environment_of(call: Call) -> str:
    environment = call.params["environment"]
    if environment not in _PLANS:
        raise Refusal(error(404))
    return environment


def _query_flag(call: Call, name: str, *, default: bool) -> bool:
    return call.query.get(name, [str(default)])[0].lower() == "true"
