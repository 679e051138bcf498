"""Repositories of the GitHub emulator: fresh ones for a test, plain HTTP to them, and what git itself sees in them."""

import subprocess
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx2

from tests.emulators.process import Emulators

_numbers = count(1)


@dataclass(frozen=True)
class GitHubRepository:
    """One repository: its name, its folder on disk, and HTTP below `/repos/{owner}/{name}`."""

    full_name: str
    path: Path
    url: str
    headers: dict[str, str] = field(default_factory=lambda: {"authorization": "Bearer any", "user-agent": "tests"})

    def ask(self, method: str, path: str, *, pat: str = "any", **options: Any) -> httpx2.Response:
        headers = {**self.headers, "authorization": f"Bearer {pat}", **options.pop("headers", {})}
        return httpx2.request(method, f"{self.url}{path}", headers=headers, **options)

    def get(self, path: str, **options: Any) -> Any:
        """The JSON of a GET that must succeed."""
        return self.ask("GET", path, **options).raise_for_status().json()

    def send(self, method: str, path: str, **body: Any) -> Any:
        """The JSON of a call that must succeed."""
        return self.ask(method, path, json=body).raise_for_status().json()

    def tip(self, branch: str = "main") -> str:
        """The id of a branch's last commit."""
        return str(self.get(f"/git/ref/heads/{branch}")["object"]["sha"])

    def commit(
        self, *entries: dict[str, Any], parent: str, message: str = "Change", base_tree: str | None = None
    ) -> str:
        """The id of a new commit that changes the parent's tree by the entries; no ref knows of it."""
        base = base_tree or self.get(f"/git/commits/{parent}")["tree"]["sha"]
        tree = self.send("POST", "/git/trees", base_tree=base, tree=entries)["sha"]
        return str(self.send("POST", "/git/commits", message=message, tree=tree, parents=[parent])["sha"])

    def git(self, *arguments: str) -> str:
        """What the git command prints, run in the repository's folder."""
        command = ["git", "-C", str(self.path), *arguments]
        return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


def repository_of(emulators: Emulators, full_name: str) -> GitHubRepository:
    url = f"{emulators.url_of('github')}/repos/{full_name}"
    return GitHubRepository(full_name, emulators.repository(full_name), url)


def create_repository(emulators: Emulators, *, prefix: str = "test", **members: Any) -> GitHubRepository:
    """A repository that no other test knows; `auto_init` unless something else is said."""
    name = f"{prefix}-{next(_numbers)}"
    repository = repository_of(emulators, f"demo/{name}")
    url = f"{emulators.url_of('github')}/user/repos"
    httpx2.post(url, headers=repository.headers, json={"name": name, "auto_init": True, **members}).raise_for_status()
    return repository


def entry(path: str, content: str, *, mode: str = "100644") -> dict[str, Any]:
    """A tree's entry with its content."""
    return {"path": path, "mode": mode, "type": "blob", "content": content}


def deletion(path: str) -> dict[str, Any]:
    return {"path": path, "mode": "100644", "type": "blob", "sha": None}
