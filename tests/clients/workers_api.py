"""Calls of the tests to the Cloudflare emulator: the official client, uploads, and requests to deployed Workers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import cloudflare
import httpx2

import vendor
from tests.emulators.process import Emulators

ACCOUNT = "0123456789abcdef0123456789abcdef"
JAVASCRIPT = "application/javascript+module"
PYTHON = "text/x-python"

Files = Mapping[str, tuple[str | bytes, str]]
"""Content and content type by the module's name."""


@dataclass(frozen=True)
class Workers:
    """The Workers API through the official Python client, and the public side of what it deploys."""

    client: cloudflare.Cloudflare
    public_url: str

    @property
    def scripts(self) -> Any:
        return self.client.workers.scripts

    def upload(self, name: str, files: Files, *, main: str, **metadata: Any) -> Any:
        """Upload modules and enable the public URL of the script."""
        parts = [
            (path, content.encode() if isinstance(content, str) else content, content_type)
            for path, (content, content_type) in files.items()
        ]
        uploaded = self.scripts.update(
            name, account_id=ACCOUNT, metadata={"main_module": main, **metadata}, files=parts
        )
        self.scripts.subdomain.create(name, account_id=ACCOUNT, enabled=True)
        return uploaded

    def upload_text(self, name: str, text: str, **metadata: Any) -> Any:
        """Upload a Worker that responds with the text."""
        code = f"export default {{ fetch() {{ return new Response({text!r}); }} }}"
        return self.upload(name, {"index.js": (code, JAVASCRIPT)}, main="index.js", **metadata)

    def get(self, path: str, **options: Any) -> httpx2.Response:
        """Return the response of a deployed Worker; the path begins with its name."""
        return httpx2.get(f"{self.public_url}/{path}", timeout=60, trust_env=False, **options)


@contextmanager
def connect_client(emulators: Emulators, *, token: str = "any") -> Iterator[Workers]:  # noqa: S107 - any token will do
    """Connect the official client, without retries."""
    base_url = emulators.url_of("cloudflare")
    with cloudflare.Cloudflare(base_url=base_url, api_token=token, max_retries=0) as client:
        yield Workers(client, f"{emulators.url}/cloudflare/workers.dev")


def error_of(error: cloudflare.APIStatusError) -> tuple[int, int, str]:
    """Return the status, and the code and message of the vendor's first error."""
    first = error.errors[0]
    return error.status_code, first.code or 0, first.message or ""


@cache
def load_python_sdk() -> Files:
    """Return the modules that every Python Worker includes, with the content types that wrangler gives them."""
    folder = vendor.fetch_dependencies()
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
    modules: dict[str, tuple[str | bytes, str]] = {}
    for path in files:
        name = path.relative_to(folder).as_posix()
        if name.startswith(("workers/", "_workers_sdk", "_cloudflare", "_pyodide")):
            script = path.suffix in {".js", ".mjs"}
            content_type = JAVASCRIPT if script else "application/octet-stream"
            modules[f"python_modules/{name}"] = (path.read_bytes(), content_type)
    return modules
