"""Pull requests between branches of one repository (https://docs.github.com/en/rest/pulls/pulls).

`head` is a branch or `owner:branch`. A new pull request gets the ref `refs/pull/<number>/head`, as at GitHub.
"""

from typing import Any, NoReturn

from dulwich.graph import find_merge_base
from dulwich.objects import Commit, ObjectID

from ...vendor import Call, Response
from .descriptions import LOGIN, describe_repository, describe_user, node_id, page_url, repository_url
from .diff import describe_changes
from .http import page_of, parse_body, refuse, success
from .store import Repository, timestamp

_FIELDS = {
    "title": "string",
    "head": "string",
    "base": "string",
    "body": "string|null",
    "draft": "boolean",
    "maintainer_can_modify": "boolean",
}


def create_pull(call: Call, repository: Repository) -> Response:
    """Open a pull request."""
    body = parse_body(call, _FIELDS, required=("head", "base"))
    if not body.get("title"):
        _refuse({"code": "missing_field", "field": "title"})
    head, base = _branch_name(repository, body["head"]), body["base"]
    tips = {"head": repository.branch(head), "base": repository.branch(base)}
    for field, tip in tips.items():
        if tip is None:
            _refuse({"field": field, "code": "invalid"})
    pulls = repository.details["pulls"]
    if any((pull["head"], pull["base"], pull["state"]) == (head, base, "open") for pull in pulls):
        _refuse({"code": "custom", "message": f"A pull request already exists for {repository.owner}:{head}."})
    if not _commits_between(repository, base=base, head=head):
        _refuse({"code": "custom", "message": f"No commits between {base} and {head}"})
    now = timestamp()
    pull = {
        "number": len(pulls) + 1,
        "state": "open",
        "title": body["title"],
        "body": body.get("body"),
        "draft": body.get("draft", False),
        "head": head,
        "base": base,
        "created_at": now,
        "updated_at": now,
    }
    pulls.append(pull)
    repository.save_details()
    if tips["head"]:
        repository.create_ref(f"refs/pull/{pull['number']}/head", ObjectID(tips["head"].id))
    described = _describe_with_counts(call, repository, pull)
    return success(call, described, status=201, headers=[(b"location", described["url"].encode())])


def _refuse(error: dict[str, str]) -> NoReturn:
    refuse(422, errors=[{"resource": "PullRequest", **error}])


def _branch_name(repository: Repository, head: str) -> str:
    return head.removeprefix(f"{repository.owner}:")


def _commits_between(repository: Repository, *, base: str, head: str) -> list[Commit]:
    """Return the commits of `head` that are not in `base`."""
    shas = [commit.id for commit in (repository.branch(head), repository.branch(base)) if commit]
    walker = repository.git.get_walker(include=[ObjectID(shas[0])], exclude=[ObjectID(sha) for sha in shas[1:]])
    return [entry.commit for entry in walker]


def list_pulls(call: Call, repository: Repository) -> Response:
    """Return a page of pull requests, newest first, filtered by `state` (by default open), `head` and `base`."""
    state = call.query_value("state") or "open"
    head, base = _branch_name(repository, call.query_value("head")), call.query_value("base")
    found = [
        pull
        for pull in reversed(repository.details["pulls"])
        if state in {"all", pull["state"]} and head in {"", pull["head"]} and base in {"", pull["base"]}
    ]
    return page_of(call, found, lambda pull: _describe(call, repository, pull))


def _find(call: Call, repository: Repository) -> dict[str, Any]:
    number = call.params["number"]
    found = [pull for pull in repository.details["pulls"] if str(pull["number"]) == number]
    if not found:
        refuse(404)
    pull: dict[str, Any] = found[0]
    return pull


def get_pull(call: Call, repository: Repository) -> Response:
    """Return a pull request with the sizes of its changes."""
    return success(call, _describe_with_counts(call, repository, _find(call, repository)))


def update_pull(call: Call, repository: Repository) -> Response:
    """Change the title or the text, or close with `state: closed`."""
    body = parse_body(call, {"title": "string", "body": "string|null", "state": "string"})
    pull = _find(call, repository)
    pull.update({name: body[name] for name in ("title", "body", "state") if name in body})
    pull["updated_at"] = timestamp()
    repository.save_details()
    return success(call, _describe_with_counts(call, repository, pull))


def _describe(call: Call, repository: Repository, pull: dict[str, Any]) -> dict[str, Any]:
    """Return the object of a pull request in a list."""
    url, site = repository_url(call, repository), page_url(call, repository)
    own, issue, page_of = (f"{base}/{pull['number']}" for base in (f"{url}/pulls", f"{url}/issues", f"{site}/pull"))
    head = _describe_side(call, repository, pull["head"], ref=f"refs/pull/{pull['number']}/head")
    links = {
        "self": own,
        "html": page_of,
        "issue": issue,
        "comments": f"{issue}/comments",
        "review_comments": f"{own}/comments",
        "review_comment": f"{url}/pulls/comments{{/number}}",
        "commits": f"{own}/commits",
        "statuses": f"{url}/statuses/{head['sha']}",
    }
    nulls = "closed_at merged_at merge_commit_sha assignee milestone active_lock_reason auto_merge"
    return {
        **{f"{name}_url": link for name, link in links.items() if name != "self"},
        **dict.fromkeys(nulls.split()),
        "url": own,
        "id": repository.id + pull["number"],
        "node_id": node_id("PullRequest", f"{repository.id}:{pull['number']}"),
        "diff_url": f"{page_of}.diff",
        "patch_url": f"{page_of}.patch",
        "number": pull["number"],
        "state": pull["state"],
        "locked": False,
        "title": pull["title"],
        "user": describe_user(call, LOGIN),
        "body": pull["body"],
        "labels": [],
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "draft": pull["draft"],
        "author_association": "OWNER",
        "created_at": pull["created_at"],
        "updated_at": pull["updated_at"],
        "head": head,
        "base": _describe_side(call, repository, pull["base"], ref=f"refs/heads/{pull['base']}"),
        "_links": {name: {"href": link} for name, link in links.items()},
    }


def _describe_side(call: Call, repository: Repository, branch: str, *, ref: str) -> dict[str, Any]:
    """Return one side of a pull request; for a deleted branch, with the commit when it was opened."""
    refs = repository.refs()
    sha = refs.get(f"refs/heads/{branch}") or refs[ref]
    return {
        "label": f"{repository.owner}:{branch}",
        "ref": branch,
        "sha": sha.decode(),
        "user": describe_user(call, repository.owner),
        "repo": describe_repository(call, repository, may_write=True),
    }


def _describe_with_counts(call: Call, repository: Repository, pull: dict[str, Any]) -> dict[str, Any]:
    """Return the object of a single pull request, with the sizes of its changes."""
    described = _describe(call, repository, pull)
    head, base = (ObjectID(described[side]["sha"].encode()) for side in ("head", "base"))
    bases = find_merge_base(repository.git, [head, base])
    tip, fork = repository.git[head], repository.git[bases[0]] if bases else None
    if not isinstance(tip, Commit):
        raise TypeError(f"The head of the pull request {pull['number']} is not a commit")
    before = fork.tree if isinstance(fork, Commit) else None
    files = describe_changes(call, repository, before, tip.tree, ref=pull["head"])
    commits = list(repository.git.get_walker(include=[head], exclude=[base]))
    return {
        **described,
        "merged": False,
        "mergeable": True,
        "rebaseable": True,
        "mergeable_state": "clean",
        "merged_by": None,
        "comments": 0,
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": len(commits),
        "additions": sum(file["additions"] for file in files),
        "deletions": sum(file["deletions"] for file in files),
        "changed_files": len(files),
    }
