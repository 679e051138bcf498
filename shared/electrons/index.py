"""`GET /`: what this worker is. Browsers get a small page, everyone else the same facts as JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from html import escape
from typing import Any

from electrons.context import Context
from electrons.http import Response
from electrons.logs import timestamp
from electrons.openapi import summarize
from electrons.routing import Route

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 3rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.75rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.5rem 0 .75rem; }
p { margin: .25rem 0; } a { color: inherit; }
code, .method { font: 14px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
.status { display: inline-block; padding: 0 .6rem; border-radius: 1rem; background: #2a9d5c; color: #fff; }
.status { font-size: .85rem; vertical-align: middle; }
section { border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem; margin: .75rem 0; }
.method { font-weight: 700; display: inline-block; min-width: 4.5rem; }
.scope { float: right; font-size: .85rem; opacity: .7; }
table { border-collapse: collapse; width: 100%; margin-top: .5rem; font-size: .9rem; }
td { border-top: 1px solid var(--line); padding: .25rem .5rem .25rem 0; vertical-align: top; }
"""

_HEADERS = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
]


def create_index_handler(routes: Callable[[], Sequence[Route]]) -> Callable[[Context], Awaitable[Response]]:
    """Return the handler. It calls `routes()` once, at its first request, when the app has all of them."""

    @cache
    def describe_routes() -> list[dict[str, Any]]:
        return [describe_route(route) for route in routes()]

    async def index(context: Context) -> Response:
        """`GET /`: this page, or as JSON the routes."""
        described = describe_routes()
        vary = [("Vary", "Accept")]
        if "text/html" in (context.request.headers.get("Accept") or ""):
            return Response(headers=[*_HEADERS, *vary], body=render_page(context.service, described))
        response = Response.json(
            {
                "success": True,
                "service": context.service,
                "status": "healthy",
                "routes": described,
                "request_id": context.request_id,
                "timestamp": timestamp(),
            }
        )
        response.headers += vary
        return response

    return index


def describe_route(route: Route) -> dict[str, Any]:
    """Return a route as `{"method", "path", "scope", "summary", "fields"}`; a public route has no scope.

    `fields` are those of the request body, by name: its type, and whether it is required.
    """
    scope = None if route.public else route.scope or "any key"
    schema = route.body.model_json_schema() if route.body is not None else {}
    required = schema.get("required", [])
    fields = {
        name: {"type": _name_type(field), "required": name in required}
        for name, field in schema.get("properties", {}).items()
    }
    return {"method": route.method, "path": route.path, "scope": scope, "summary": summarize(route), "fields": fields}


def render_page(service: str, routes: Sequence[dict[str, Any]]) -> str:
    """Return the page as HTML."""
    name = escape(service)
    sections = "\n".join(_render_route(route) for route in routes)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name} · Distributed Electrons</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{name} <span class="status">healthy</span></h1>
<p>A worker of Distributed Electrons.
<a href="docs">Reference</a> · <a href="openapi.json">OpenAPI</a> · <a href="health?deep=1">Health check</a></p>
<h2>Routes</h2>
{sections}
</body>
</html>
"""


def _render_route(route: dict[str, Any]) -> str:
    scope = f'<span class="scope">{escape(route["scope"] or "public")}</span>'
    head = f'{scope}<span class="method">{route["method"]}</span> <code>{escape(route["path"])}</code>'
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(field['type'])}</td>"
        f"<td>{'required' if field['required'] else ''}</td></tr>"
        for name, field in route["fields"].items()
    )
    table = f"<table>{rows}</table>" if rows else ""
    return f"<section>{head}<p>{escape(route['summary'])}</p>{table}</section>"


def _name_type(schema: dict[str, Any]) -> str:
    """Return a JSON schema's type in words: `string`, `list of strings`, `number or null` without the null."""
    if "anyOf" in schema:
        names = [_name_type(option) for option in schema["anyOf"] if option.get("type") != "null"]
        return " or ".join(dict.fromkeys(names))
    if schema.get("type") == "array":
        return f"list of {_name_type(schema.get('items', {}))}s"
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    return str(schema.get("type") or ("object" if "$ref" in schema else "any value"))
