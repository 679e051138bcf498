"""Repositories at the emulator of GitHub: created through its API, inspected with git itself."""

from __future__ import annotations

import base64
import subprocess
import uuid
from collections.abc import Mapping
from typing import Any

import httpx2

from electrons.app import App
from electrons.context import Context
from electrons.settings import Secret, Settings
from electrons.testing import TestClient
from tests.emulators.process import Emulators

README = {"README.md": b"# Tests\n"}


class Hub:
    """One repository, new, with these files on `main`; without any it is empty. `http` is for `context`."""

    def __init__(
        self,
        emulators: Emulators,
        files: Mapping[str, bytes] = README,
        *,
        prefix: str = "test",
        http: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.emulators = emulators
        self.name = f"{prefix}-{uuid.uuid4().hex[:8]}"
        self.repo = f"demo/{self.name}"
        self._http = httpx2.Client(
            base_url=emulators.url_of("github"),
            headers={"Authorization": "Bearer tester", "User-Agent": "tests"},
            trust_env=False,
        )
        self._transport = http
        self.call("POST", "/user/repos", name=self.name)
        for path, content in files.items():
            self.put(path, content)

    def call(self, method: str, path: str, **members: Any) -> Any:
        """Call the API directly, without the code under test."""
        answer = self._http.request(method, path, json=members or None).raise_for_status()
        return answer.json() if answer.content else None

    def put(self, path: str, content: bytes, *, branch: str = "main") -> str:
        """Commit a new file, as another author would; return the commit's sha."""
        encoded = base64.b64encode(content).decode()
        document = {"message": f"Add {path}", "content": encoded, "branch": branch}
        return str(self.call("PUT", f"/repos/{self.repo}/contents/{path}", **document)["commit"]["sha"])

    def branch(self, name: str, *, sha: str) -> None:
        """Create a branch."""
        self.call("POST", f"/repos/{self.repo}/git/refs", ref=f"refs/heads/{name}", sha=sha)

    def git(self, *arguments: str) -> str:
        """Return the output of git for the repository on disk."""
        return self._run(*arguments).decode().rstrip("\n")

    def head(self, branch: str = "main") -> str:
        """Return the commit of a branch."""
        return self.git("rev-parse", f"refs/heads/{branch}")

    def files(self, ref: str = "main") -> dict[str, str]:
        """Return the modes of all files, by path."""
        lines = self.git("ls-tree", "-r", ref).splitlines()
        return {line.partition("\t")[2]: line.split()[0] for line in lines}

    def content(self, path: str, ref: str = "main") -> bytes:
        """Return the content of a file."""
        return self._run("cat-file", "blob", f"{ref}:{path}")

    def requests(self) -> list[str]:
        """Return the calls since the last `emulators.reset()`, `METHOD path` without the repository's own."""
        seen = [f"{request['method']} {request['path']}" for request in self.emulators.requests("github")]
        return [line.replace(f"/repos/{self.repo}", "") for line in seen]

    def context(self, token: str = "tester", **settings: Any) -> Context:  # noqa: S107  # not a real one
        """Return the context of a request, in a deployment that has a token."""
        own = Settings(
            declared={"GITHUB_PAT": Secret(token), "GITHUB_BASE_URL": self.emulators.url_of("github")}, **settings
        )
        client = TestClient(App("worker"), settings=own, http=self._transport)
        return client.create_context("POST", "/")

    def close(self) -> None:
        """Close the connections to the API."""
        self._http.close()

    def _run(self, *arguments: str) -> bytes:
        folder = self.emulators.state / "github" / f"{self.repo}.git"
        command = ["git", "-c", "safe.directory=*", "-C", str(folder), *arguments]
        return subprocess.run(command, check=True, capture_output=True).stdout
