"""Git objects and repositories in GitHub's JSON (the schemas of github/rest-api-description).

All URLs are below the emulator's base URL, also those of web pages, which do not exist there.
"""

import base64
from collections.abc import Mapping
from typing import Any

from dulwich.objects import S_ISGITLINK, Blob, Commit, ObjectID, ShaFile, Tree, TreeEntry

from ...vendor import Call
from .http import base_url
from .store import Repository, timestamp

LOGIN = "demo"
NOREPLY = f"{LOGIN}@users.noreply.github.example"
_USER_LINKS = "followers following gists starred subscriptions organizations repos events received_events"
_REPOSITORY_LINKS = """archive assignees blobs branches collaborators comments commits compare contents contributors
    deployments downloads events forks git_commits git_refs git_tags hooks issue_comment issue_events issues keys labels
    languages merges milestones notifications pulls releases stargazers statuses subscribers subscription tags teams
    trees"""
_BASE64_LINE = 60
_UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def node_id(kind: str, identity: object) -> str:
    """Return a GraphQL node id."""
    return base64.b64encode(f"{kind}:{identity}".encode()).decode()


def describe_user(call: Call, login: str) -> dict[str, Any]:
    """Return the object of a user or an organization."""
    url = f"{base_url(call)}/users/{login}"
    return {
        "login": login,
        "id": 1,
        "node_id": node_id("User", login),
        "avatar_url": f"{url}/avatar",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{base_url(call)}/{login}",
        **{f"{link}_url": f"{url}/{link}" for link in _USER_LINKS.split()},
        "type": "User" if login == LOGIN else "Organization",
        "user_view_type": "public",
        "site_admin": False,
    }


def describe_self(call: Call) -> dict[str, Any]:
    """Return the object of the token's own user, which has private fields."""
    counts = "public_gists public_repos followers following private_gists total_private_repos owned_private_repos"
    return {
        **describe_user(call, LOGIN),
        **dict.fromkeys(("name", "company", "email", "hireable", "bio", "twitter_username")),
        **dict.fromkeys((*counts.split(), "disk_usage", "collaborators"), 0),
        "blog": "",
        "location": None,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "two_factor_authentication": True,
    }


def repository_url(call: Call, repository: Repository) -> str:
    """Return the API URL of a repository."""
    return f"{base_url(call)}/repos/{repository.full_name}"


def page_url(call: Call, repository: Repository) -> str:
    """Return the URL of a repository's web page."""
    return f"{base_url(call)}/{repository.full_name}"


def describe_repository(call: Call, repository: Repository, *, may_write: bool) -> dict[str, Any]:
    """Return the full object of a repository; its counts of stars, forks and so on are 0."""
    url, site = repository_url(call, repository), page_url(call, repository)
    details = repository.details
    counts = "forks forks_count stargazers_count watchers watchers_count network_count subscribers_count"
    switches = "has_pages has_discussions has_wiki has_projects archived disabled fork is_template allow_forking"
    issues = sum(pull["state"] == "open" for pull in details["pulls"])
    return {
        "id": repository.id,
        "node_id": node_id("Repository", repository.id),
        "name": repository.name,
        "full_name": repository.full_name,
        "private": details["private"],
        "visibility": "private" if details["private"] else "public",
        "owner": describe_user(call, repository.owner),
        "html_url": site,
        "description": details["description"],
        "url": url,
        **{f"{link}_url": f"{url}/{link.replace('_', '/')}" for link in _REPOSITORY_LINKS.split()},
        "clone_url": f"{site}.git",
        "git_url": f"git://127.0.0.1/{repository.full_name}.git",
        "ssh_url": f"git@127.0.0.1:{repository.full_name}.git",
        "svn_url": site,
        **dict.fromkeys(("homepage", "language", "mirror_url", "license")),
        **dict.fromkeys((*counts.split(), "size"), 0),
        **dict.fromkeys(switches.split(), False),
        "has_issues": True,
        "has_downloads": True,
        "open_issues": issues,
        "open_issues_count": issues,
        "topics": [],
        "default_branch": repository.default_branch,
        "permissions": {"admin": may_write, "maintain": may_write, "push": may_write, "triage": True, "pull": True},
        "created_at": details["created_at"],
        "updated_at": details["created_at"],
        "pushed_at": details["created_at"],
    }


def describe_ref(call: Call, repository: Repository, ref: str, sha: ObjectID) -> dict[str, Any]:
    """Return the object of a ref."""
    url = repository_url(call, repository)
    kind = kind_of(repository.git[sha])
    target = {"type": kind, "sha": sha.decode(), "url": f"{url}/git/{kind}s/{sha.decode()}"}
    return {"ref": ref, "node_id": node_id("Ref", ref), "url": f"{url}/git/{ref}", "object": target}


def kind_of(item: ShaFile) -> str:
    """Return `blob`, `tree`, `commit` or `tag`."""
    return item.type_name.decode()


def describe_blob(call: Call, repository: Repository, blob: Blob) -> dict[str, Any]:
    """Return the object of a blob with its content."""
    return {
        "sha": blob.id.decode(),
        "node_id": node_id("Blob", blob.id.decode()),
        "size": len(blob.data),
        "url": f"{repository_url(call, repository)}/git/blobs/{blob.id.decode()}",
        "content": encode_base64(blob.data),
        "encoding": "base64",
    }


def encode_base64(content: bytes) -> str:
    """Return base64 in lines, as GitHub sends it."""
    text = base64.b64encode(content).decode()
    return "".join(f"{text[at : at + _BASE64_LINE]}\n" for at in range(0, len(text), _BASE64_LINE))


def describe_entry(call: Call, repository: Repository, entry: TreeEntry) -> dict[str, Any]:
    """Return the object of a tree's entry; only blobs have a size."""
    if entry.path is None or entry.mode is None or entry.sha is None:
        raise TypeError(f"{entry} is not a complete entry of a tree")
    sha = entry.sha.decode()
    described: dict[str, Any] = {"path": entry.path.decode("utf-8", "replace"), "mode": f"{entry.mode:06o}"}
    if S_ISGITLINK(entry.mode):
        return {**described, "type": "commit", "sha": sha}
    item = repository.git[entry.sha]
    kind = kind_of(item)
    size = {"size": item.raw_length()} if isinstance(item, Blob) else {}
    url = f"{repository_url(call, repository)}/git/{kind}s/{sha}"
    return {**described, "type": kind, "sha": sha, **size, "url": url}


def _describe_person(person: bytes, seconds: int) -> dict[str, str]:
    """Return name, email and date; the date is in UTC, not in the person's time zone."""
    name, _, email = person.decode("utf-8", "replace").removesuffix(">").partition(" <")
    return {"name": name, "email": email, "date": timestamp(seconds)}


def _describe_common(call: Call, repository: Repository, commit: Commit) -> dict[str, Any]:
    """Return the fields of every form of a commit."""
    tree = commit.tree.decode()
    return {
        "author": _describe_person(commit.author, int(commit.author_time)),
        "committer": _describe_person(commit.committer, int(commit.commit_time)),
        "message": commit.message.decode("utf-8", "replace").removesuffix("\n"),
        "tree": {"sha": tree, "url": f"{repository_url(call, repository)}/git/trees/{tree}"},
        "verification": _UNSIGNED,
    }


def _identify(call: Call, repository: Repository, commit: ObjectID, *, kind: str) -> dict[str, str]:
    sha = commit.decode()
    return {
        "sha": sha,
        "url": f"{repository_url(call, repository)}/{kind}/{sha}",
        "html_url": f"{page_url(call, repository)}/commit/{sha}",
    }


def describe_git_commit(call: Call, repository: Repository, commit: Commit) -> dict[str, Any]:
    """Return the object of a commit in the Git Data API."""
    return {
        **_identify(call, repository, commit.id, kind="git/commits"),
        "node_id": node_id("Commit", commit.id.decode()),
        **_describe_common(call, repository, commit),
        "parents": [_identify(call, repository, parent, kind="git/commits") for parent in commit.parents],
    }


def describe_commit(call: Call, repository: Repository, commit: Commit) -> dict[str, Any]:
    """Return the object of a commit in the repository's history."""
    named = _identify(call, repository, commit.id, kind="commits")
    user = describe_user(call, LOGIN) if NOREPLY.encode() in commit.author else None
    git_url = f"{repository_url(call, repository)}/git/commits/{commit.id.decode()}"
    return {
        **named,
        "node_id": node_id("Commit", commit.id.decode()),
        "comments_url": f"{named['url']}/comments",
        "commit": {**_describe_common(call, repository, commit), "url": git_url, "comment_count": 0},
        "author": user,
        "committer": user,
        "parents": [_identify(call, repository, parent, kind="commits") for parent in commit.parents],
    }


def describe_content(call: Call, repository: Repository, path: str, item: Blob | Tree, *, ref: str) -> dict[str, Any]:
    """Return the object of a file or folder as an entry of its parent folder."""
    kind, place = ("file", "blob") if isinstance(item, Blob) else ("dir", "tree")
    url, site = repository_url(call, repository), page_url(call, repository)
    links = {
        "self": f"{url}/contents/{path}?ref={ref}",
        "git": f"{url}/git/{place}s/{item.id.decode()}",
        "html": f"{site}/{place}/{ref}/{path}",
    }
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": item.id.decode(),
        "size": len(item.data) if isinstance(item, Blob) else 0,
        "url": links["self"],
        "html_url": links["html"],
        "git_url": links["git"],
        "download_url": f"{site}/raw/{ref}/{path}" if isinstance(item, Blob) else None,
        "type": kind,
        "_links": links,
    }


def describe_branch(call: Call, repository: Repository, name: str, commit: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object of a branch."""
    url = f"{repository_url(call, repository)}/branches/{name}"
    contexts: dict[str, Any] = {"enforcement_level": "off", "contexts": [], "checks": []}
    return {
        "name": name,
        "commit": commit,
        "_links": {"self": url, "html": f"{page_url(call, repository)}/tree/{name}"},
        "protected": False,
        "protection": {"enabled": False, "required_status_checks": contexts},
        "protection_url": f"{url}/protection",
    }
