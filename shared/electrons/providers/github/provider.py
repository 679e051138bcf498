"""GitHub's REST API: repositories, and the objects of git in them.

Wire format: https://docs.github.com/en/rest/git, /rest/repos/contents, /rest/pulls and GitHub's OpenAPI document,
version 2026-03-10. Names of repositories and branches were checked by the caller; they only need percent-encoding.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode

from pydantic_core import to_json

from electrons.errors import (
    ConfigurationError,
    MissingCredentialsError,
    ProviderError,
    ProviderRateLimitError,
    ProviderRejectedError,
)
from electrons.http import HeaderPairs
from electrons.settings import NOT_SET, Secret, Setting
from electrons.upstream.errors import classify_error, parse_json_error, parse_retry_after
from electrons.upstream.provider import Provider, ProviderRequest
from electrons.upstream.reading import as_integer, as_object, as_string

API_VERSION = "2026-03-10"

GITHUB_PAT = Setting(
    name="GITHUB_PAT",
    meaning="a token for GitHub with the permissions contents and pull requests: write",
    kind=Secret,
    default=NOT_SET,
)

DEFAULT_PAUSE_SECONDS = 60.0
"""How long to wait at a rate limit for which GitHub names no time."""

_LIMIT_WORDS = ("rate limit", "abuse detection")  # the second is GitHub's older text for its secondary rate limits

_SIZE_LIMIT = 10**12
"""Bytes of a file that is listed."""

FILE_MODE, EXECUTABLE_MODE, LINK_MODE, FOLDER_MODE, SUBMODULE_MODE = "100644", "100755", "120000", "040000", "160000"


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """What is at a path: a file, an executable, a symbolic link, a folder or a submodule, by its `mode`.

    `sha` is that of git's object; `size` is in bytes, None for what is not a file.
    """

    mode: str
    sha: str
    size: int | None = None

    @property
    def is_file(self) -> bool:
        """Return whether it has content: that of a link is the path that it points to."""
        return self.mode not in {FOLDER_MODE, SUBMODULE_MODE}


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeChange:
    """A path of a new tree, with `content` (UTF-8 text) or `sha` (of a blob); without both it is deleted."""

    path: str
    mode: str = FILE_MODE
    content: str | None = None
    sha: str | None = None

    def describe(self) -> dict[str, Any]:
        """Return the change in GitHub's form."""
        document = {"path": self.path, "mode": self.mode, "type": "blob"}
        return {**document, "content": self.content} if self.content is not None else {**document, "sha": self.sha}


@dataclass(frozen=True, slots=True, kw_only=True)
class GitCommit:
    """A commit: its own sha, its tree's, and the page that shows it."""

    sha: str
    tree: str
    url: str


class GitHubProvider(Provider):
    """GitHub, with a personal access token. Each `build_` names its call's path, each `parse_` its response's shape."""

    name = "github"
    title = "GitHub"
    base_url = "https://api.github.com"
    credentials = (GITHUB_PAT,)

    def missing_credentials(self) -> ConfigurationError:
        """Return a `MissingCredentialsError`."""
        return MissingCredentialsError("GitHub PAT", settings=(GITHUB_PAT.name,))

    def build_headers(self, api_key: str, request_id: str) -> HeaderPairs:
        """Return the token and the version; GitHub takes no request id of ours."""
        return [
            ("Authorization", f"Bearer {api_key}"),
            ("Accept", "application/vnd.github+json"),
            ("X-GitHub-Api-Version", API_VERSION),
        ]

    def build_repository_lookup(self, repo: str) -> ProviderRequest:
        """`GET /repos/{owner}/{name}`."""
        return ProviderRequest(method="GET", path=f"/repos/{repo}")

    def parse_default_branch(self, document: dict[str, Any]) -> str:
        """`{"default_branch"}`."""
        return _string(document["default_branch"])

    def build_ref_lookup(self, repo: str, branch: str) -> ProviderRequest:
        """`GET …/git/ref/heads/{branch}`: 404 without the branch, 409 in an empty repository."""
        return ProviderRequest(method="GET", path=f"/repos/{repo}/git/ref/heads/{quote(branch)}")

    def parse_ref(self, document: dict[str, Any]) -> str:
        """Return the sha of a branch's head: `{"object": {"sha"}}`."""
        return _string(document["object"]["sha"])

    def build_ref(self, repo: str, branch: str, *, sha: str) -> ProviderRequest:
        """`POST …/git/refs`: a new branch. A second call is a 422 (`Reference already exists`)."""
        return ProviderRequest.json(f"/repos/{repo}/git/refs", {"ref": f"refs/heads/{branch}", "sha": sha}, headers=[])

    def build_ref_update(self, repo: str, branch: str, *, sha: str) -> ProviderRequest:
        """`PATCH …/git/refs/heads/{branch}`: forward only. A second call changes nothing."""
        path = f"/repos/{repo}/git/refs/heads/{quote(branch)}"
        return ProviderRequest.json(path, {"sha": sha, "force": False}, headers=[], method="PATCH")

    def build_commit_lookup(self, repo: str, sha: str) -> ProviderRequest:
        """`GET …/git/commits/{sha}`."""
        return ProviderRequest(method="GET", path=f"/repos/{repo}/git/commits/{quote(sha)}")

    def build_commit(self, repo: str, *, message: str, tree: str, parents: Sequence[str]) -> ProviderRequest:
        """`POST …/git/commits`: an object that is on no branch yet."""
        document = {"message": message, "tree": tree, "parents": list(parents)}
        return ProviderRequest.json(f"/repos/{repo}/git/commits", document, headers=[])

    def parse_commit(self, document: dict[str, Any]) -> GitCommit:
        """`{"sha", "tree": {"sha"}, "html_url"}`."""
        return GitCommit(
            sha=_string(document["sha"]), tree=_string(document["tree"]["sha"]), url=_string(document["html_url"])
        )

    def build_comparison(self, repo: str, base: str, head: str) -> ProviderRequest:
        """`GET …/compare/{base}...{head}`, without the commits and files between them."""
        return ProviderRequest(
            method="GET", path=f"/repos/{repo}/compare/{quote(base)}...{quote(head)}?per_page=1&page=2"
        )

    def parse_contains(self, document: dict[str, Any]) -> bool:
        """Return whether the head contains the base: `{"status": "ahead"|"identical"|"behind"|"diverged"}`."""
        return document["status"] in {"ahead", "identical"}

    def build_tree_lookup(self, repo: str, sha: str, *, recursive: bool) -> ProviderRequest:
        """`GET …/git/trees/{sha}`: one folder, or all that is below it."""
        return ProviderRequest(
            method="GET", path=f"/repos/{repo}/git/trees/{quote(sha)}{'?recursive=1' if recursive else ''}"
        )

    def parse_tree(self, document: dict[str, Any]) -> tuple[dict[str, TreeEntry], bool]:
        """Return the entries by path, and whether there are more than were listed (over 100,000, or 7 MB)."""
        entries = {
            _string(item["path"]): TreeEntry(
                _string(item["mode"]), _string(item["sha"]), as_integer(item.get("size"), limit=_SIZE_LIMIT)
            )
            for item in document["tree"]
        }
        return entries, document.get("truncated") is True

    def build_tree(self, repo: str, changes: Sequence[TreeChange], *, base: str) -> ProviderRequest:
        """`POST …/git/trees`: the base with these paths changed."""
        document = {"base_tree": base, "tree": [change.describe() for change in changes]}
        return ProviderRequest.json(f"/repos/{repo}/git/trees", document, headers=[])

    def build_blob_lookup(self, repo: str, sha: str) -> ProviderRequest:
        """`GET …/git/blobs/{sha}`."""
        return ProviderRequest(method="GET", path=f"/repos/{repo}/git/blobs/{quote(sha)}")

    def parse_blob(self, document: dict[str, Any]) -> bytes:
        """`{"content", "encoding"}`; base64 comes in lines."""
        if document["encoding"] == "base64":
            return base64.b64decode(document["content"])
        return _string(document["content"]).encode()

    def build_blob(self, repo: str, content: bytes) -> ProviderRequest:
        """`POST …/git/blobs`, in base64."""
        return _build_with_content(f"/repos/{repo}/git/blobs", {"encoding": "base64"}, content)

    def parse_sha(self, document: dict[str, Any]) -> str:
        """`{"sha"}`, of a new blob or tree."""
        return _string(document["sha"])

    def build_first_file(self, repo: str, path: str, *, content: bytes, message: str, branch: str) -> ProviderRequest:
        """`PUT …/contents/{path}`: a commit of one new file, the only call that an empty repository accepts."""
        path = f"/repos/{repo}/contents/{quote(path)}"
        request = _build_with_content(path, {"message": message, "branch": branch}, content)
        return replace(request, method="PUT", repeatable=False)

    def parse_first_commit(self, document: dict[str, Any]) -> GitCommit:
        """`{"commit": …}` as in `parse_commit`."""
        return self.parse_commit(document["commit"])

    def build_pull(self, repo: str, *, title: str, body: str, head: str, base: str) -> ProviderRequest:
        """`POST …/pulls`: ask to merge the branch `head` into `base`."""
        document = {"title": title, "body": body, "head": head, "base": base}
        return ProviderRequest.json(f"/repos/{repo}/pulls", document, headers=[], repeatable=False)

    def parse_pull(self, document: dict[str, Any]) -> str:
        """Return the page of a pull request: `{"html_url"}`."""
        return _string(document["html_url"])

    def build_pull_search(self, repo: str, *, head: str, base: str) -> ProviderRequest:
        """`GET …/pulls`: a list of the open ones from `head` into `base`."""
        query = urlencode({"state": "open", "head": f"{repo.partition('/')[0]}:{head}", "base": base, "per_page": 1})
        return ProviderRequest(method="GET", path=f"/repos/{repo}/pulls?{query}")

    def parse_error(self, status: int, headers: dict[str, str], content: bytes) -> ProviderError:
        """`{"message", "documentation_url", "errors"?: [{"resource", "field", "code", "message"?}]}`.

        A 403 or 429 is a rate limit if it says how long to wait, if no calls are left, or by its message
        (https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api). What GitHub calls a conflict
        is a refusal here: a repeated call would fail in the same way.
        """
        document = parse_json_error(content)
        errors = document.get("errors")
        problems = [text for item in errors if (text := _problem(item))] if isinstance(errors, list) else []
        message = ": ".join(filter(None, [as_string(document.get("message")), "; ".join(problems)]))
        retry_after = parse_retry_after(headers)
        limited = status in {403, 429} and (
            status == 429
            or retry_after is not None
            or headers.get("x-ratelimit-remaining") == "0"
            or any(words in message.lower() for words in _LIMIT_WORDS)
        )
        kind: type[ProviderError] | None = None
        if limited:
            kind, retry_after = ProviderRateLimitError, _pause(headers) if retry_after is None else retry_after
        elif status == 409:
            kind = ProviderRejectedError
        elif status < 400:
            kind, message = ProviderRejectedError, f"{message or 'Moved'}: the repository has another name now"
        return classify_error(
            message,
            provider=self,
            status=status,
            request_id=headers.get("x-github-request-id"),
            retry_after=retry_after,
            kind=kind,
        )


def _pause(headers: dict[str, str]) -> float:
    """Return the seconds until the quota is renewed, by GitHub's own clock."""
    if headers.get("x-ratelimit-remaining") != "0":
        return DEFAULT_PAUSE_SECONDS
    try:
        now = parsedate_to_datetime(headers["date"]).timestamp()
        return max(0.0, float(headers["x-ratelimit-reset"]) - now)
    except (KeyError, ValueError):
        return DEFAULT_PAUSE_SECONDS


def _problem(item: object) -> str | None:
    fields = as_object(item)
    named = (as_string(fields.get(name)) for name in ("resource", "field", "code"))
    return as_string(item) or as_string(fields.get("message")) or " ".join(word for word in named if word) or None


def _build_with_content(path: str, fields: dict[str, str], content: bytes) -> ProviderRequest:
    """Build a request whose body has these fields, and the `content` in base64."""
    # Joined by hand, because a large file would be in memory twice more: as a string, and while it is escaped.
    document = b"".join((to_json(fields)[:-1], b',"content":"', base64.b64encode(content), b'"}'))
    return ProviderRequest(path=path, headers=[("Content-Type", "application/json")], content=document)


def _string(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("not a string")
    return value
