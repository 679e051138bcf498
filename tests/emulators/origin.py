"""Refuse requests that a page of another site makes a browser send, as the workers do in a local run."""

import re
from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_LOOPBACK = re.compile(r"localhost|[a-z0-9.-]+\.localhost|127(?:\.\d{1,3}){3}|::1")


class LoopbackOnly:
    """An ASGI application that answers 403 unless the Host and the Origin, if there is one, are this machine."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        headers = dict(scope.get("headers", []))
        host, origin = headers.get(b"host", b""), headers.get(b"origin")
        is_own = _is_loopback(f"//{host.decode('latin-1')}") and (
            origin is None or _is_loopback(origin.decode("latin-1"))
        )
        if scope["type"] != "http" or is_own:
            await self.app(scope, receive, send)
            return
        error = "The emulators take requests for and from this machine only."
        await JSONResponse({"error": error, "error_code": "FORBIDDEN_ORIGIN"}, status_code=403)(scope, receive, send)


def _is_loopback(url: str) -> bool:
    try:
        return bool(_LOOPBACK.fullmatch(urlsplit(url).hostname or ""))
    except ValueError:
        return False
