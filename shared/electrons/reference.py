"""`GET /openapi.json` and `GET /docs`: the reference of a worker, for programs and for people.

The page is Swagger UI, whose files the build puts beside this module, compressed (scripts/vendor.py).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from html import escape
from importlib import resources

from electrons.context import Context
from electrons.errors import NotFoundError
from electrons.http import Response
from electrons.openapi import build_document
from electrons.routing import Route
from electrons.version import VERSION

FILES = {"swagger-ui-bundle.js": "text/javascript; charset=utf-8", "swagger-ui.css": "text/css; charset=utf-8"}
"""The files of Swagger UI, and their types."""

_START = """window.addEventListener("DOMContentLoaded", () => SwaggerUIBundle({
  url: "openapi.json", dom_id: "#reference", deepLinking: true, tryItOutEnabled: true, persistAuthorization: true,
  defaultModelsExpandDepth: 0, displayRequestDuration: true, validatorUrl: null,
}));
"""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_CACHED = ("Cache-Control", "public, max-age=86400")

Handler = Callable[[Context], Awaitable[Response]]


def create_document_handler(service: str, routes: Callable[[], Sequence[Route]]) -> Handler:
    """Return the handler of the OpenAPI document, which is made at its first request."""

    @cache
    def render() -> str:
        return json.dumps(build_document(service, routes(), version=VERSION), separators=(",", ":"))

    async def document(_context: Context) -> Response:
        """`GET /openapi.json`: this reference as an OpenAPI 3.1 document."""
        return Response.json(render())

    return document


def create_page_handler(service: str) -> Handler:
    """Return the handler of the page."""

    async def page(_context: Context) -> Response:
        """`GET /docs`: this reference, with requests to try."""
        headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Security-Policy", _POLICY)]
        return Response(headers=[*headers, ("X-Content-Type-Options", "nosniff")], body=render_page(service))

    return page


async def get_file(context: Context) -> Response:
    """`GET /docs/{file}`: a script or a style of the reference. Raises `NotFoundError`."""
    name = context.path_parameters["file"]
    if name == "start.js":
        return Response(headers=[("Content-Type", FILES["swagger-ui-bundle.js"]), _CACHED], body=_START)
    content = load_file(name) if name in FILES else None
    if content is None:
        raise NotFoundError("The reference has no such file")
    headers = [("Content-Type", FILES[name]), ("Content-Encoding", "gzip"), _CACHED]
    return Response(headers=headers, body=content)


def load_file(name: str) -> bytes | None:
    """Return a compressed file of Swagger UI, None where the build had no npm packages."""
    file = resources.files("electrons") / "swagger_ui" / f"{name}.gz"
    return file.read_bytes() if file.is_file() else None


def render_page(service: str) -> str:
    """Return the page as HTML. Its links are relative, so that it works below any path."""
    name = escape(service)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name} · Reference</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</head>
<body>
<div id="reference"></div>
<noscript>This page needs JavaScript; <a href="openapi.json">openapi.json</a> has the same facts.</noscript>
</body>
</html>
"""
