"""Repositories of the GitHub emulator: create one for a test, call its API over HTTP, and run git in its folder."""

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
    """A repository with its full name, its folder on disk, and its URL, which ends in `/repos/{owner}/{name}`."""

    full_name: str
    path: Path
    url: str
    headers: dict[str, str] = field(default_factory=lambda: {"authorization": "Bearer any", "user-agent": "tests"})

    def request(self, method: str, path: str, *, pat: str = "any", **options: Any) -> httpx2.Response:
        headers = {**self.headers, "authorization": f"Bearer {pat}", **options.pop("headers", {})}
        return httpx2.request(method, f"{self.url}{path}", headers=headers, **options)

    def get(self, path: str, **options: Any) -> Any:
        """Return the JSON of a GET that must succeed."""
        return self.request("GET", path, **options).raise_for_status().json()

    def send(self, method: str, path: str, **body: Any) -> Any:
        """Return the JSON of a request that must succeed."""
        return self.request(method, path, json=body).raise_for_status().json()

    def tip(self, branch: str = "main") -> str:
        """Return the SHA of a branch's last commit."""
        return str(self.get(f"/git/ref/heads/{branch}")["object"]["sha"])

    def commit(
        self, *entries: dict[str, Any], parent: str, message: str = "Change", base_tree: str | None = None
    ) -> str:
        """Create a commit that changes the parent's tree by the entries, without a ref to it, and return its SHA."""
        base = base_tree or self.get(f"/git/commits/{parent}")["tree"]["sha"]
        tree = self.send("POST", "/git/trees", base_tree=base, tree=entries)["sha"]
        return str(self.send("POST", "/git/commits", message=message, tree=tree, parents=[parent])["sha"])

    def git(self, *arguments: str) -> str:
        """Run git in the repository's folder and return what it prints."""
        command = ["git", "-C", str(self.path), *arguments]
        return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


def repository_of(emulators: Emulators, full_name: str) -> GitHubRepository:
    url = f"{emulators.url_of('github')}/repos/{full_name}"
    return GitHubRepository(full_name, emulators.repository(full_name), url)


def create_repository(emulators: Emulators, *, prefix: str = "test", **fields: Any) -> GitHubRepository:
    """Create a repository that no other test uses, with `auto_init` unless the fields say otherwise."""
    name = f"{prefix}-{next(_numbers)}"
    repository = repository_of(emulators, f"demo/{name}")
    url = f"{emulators.url_of('github')}/user/repos"
    httpx2.post(url, headers=repository.headers, json={"name": name, "auto_init": True, **fields}).raise_for_status()
    return repository


def entry(path: str, content: str, *, mode: str = "100644") -> dict[str, Any]:
    """Return the entry of a file for a tree."""
    return {"path": path, "mode": mode, "type": "blob", "content": content}


def deletion(path: str) -> dict[str, Any]:
    """Return the entry that deletes a file from a tree."""
    return {"path": path, "mode": "100644", "type": "blob", "sha": None}
