"""Pull requests between branches of one repository (https://docs.github.com/en/rest/pulls/pulls).

`head` is a branch or `owner:branch`. A new one has a ref `refs/pull/<number>/head`, as at GitHub.
"""

from typing import Any, NoReturn

from dulwich.graph import find_merge_base
from dulwich.objects import Commit, ObjectID

from ...vendor import Answer, Call
from .answers import answer, one, page, read_body, refuse
from .descriptions import LOGIN, describe_repository, describe_user, node_id, page_url, repository_url
from .diff import describe_changes
from .store import Repository, timestamp

_MEMBERS = {
    "title": "string",
    "head": "string",
    "base": "string",
    "body": "string|null",
    "draft": "boolean",
    "maintainer_can_modify": "boolean",
}


def create_pull(call: Call, repository: Repository) -> Answer:
    body = read_body(call, _MEMBERS, required=("head", "base"))
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
    assert isinstance(tips["head"], Commit)
    repository.create_ref(f"refs/pull/{pull['number']}/head", ObjectID(tips["head"].id))
    described = _describe_with_counts(call, repository, pull)
    return answer(call, described, status=201, headers=[(b"location", described["url"].encode())])


def _refuse(error: dict[str, str]) -> NoReturn:
    refuse(422, errors=[{"resource": "PullRequest", **error}])


def _branch_name(repository: Repository, head: str) -> str:
    return head.removeprefix(f"{repository.owner}:")


def _commits_between(repository: Repository, *, base: str, head: str) -> list[Commit]:
    """The commits of `head` that `base` does not have."""
    shas = [commit.id for commit in (repository.branch(head), repository.branch(base)) if commit]
    walker = repository.git.get_walker(include=[ObjectID(shas[0])], exclude=[ObjectID(sha) for sha in shas[1:]])
    return [entry.commit for entry in walker]


def list_pulls(call: Call, repository: Repository) -> Answer:
    """Open ones where no `state` is asked for, newest first; `head` (`owner:branch`) and `base` keep some."""
    state = one(call, "state") or "open"
    head, base = _branch_name(repository, one(call, "head")), one(call, "base")
    found = [
        pull
        for pull in reversed(repository.details["pulls"])
        if state in {"all", pull["state"]} and head in {"", pull["head"]} and base in {"", pull["base"]}
    ]
    return page(call, found, lambda pull: _describe(call, repository, pull))


def _find(call: Call, repository: Repository) -> dict[str, Any]:
    number = call.params["number"]
    found = [pull for pull in repository.details["pulls"] if str(pull["number"]) == number]
    if not found:
        refuse(404)
    pull: dict[str, Any] = found[0]
    return pull


def get_pull(call: Call, repository: Repository) -> Answer:
    return answer(call, _describe_with_counts(call, repository, _find(call, repository)))


def update_pull(call: Call, repository: Repository) -> Answer:
    """Another title or text, or `state: closed`."""
    body = read_body(call, {"title": "string", "body": "string|null", "state": "string"})
    pull = _find(call, repository)
    pull.update({name: body[name] for name in ("title", "body", "state") if name in body})
    pull["updated_at"] = timestamp()
    repository.save_details()
    return answer(call, _describe_with_counts(call, repository, pull))


def _describe(call: Call, repository: Repository, pull: dict[str, Any]) -> dict[str, Any]:
    """A pull request as lists have it."""
    url, site = repository_url(call, repository), page_url(call, repository)
    own, issue, page_of = (f"{above}/{pull['number']}" for above in (f"{url}/pulls", f"{url}/issues", f"{site}/pull"))
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
    nothing = "closed_at merged_at merge_commit_sha assignee milestone active_lock_reason auto_merge"
    return {
        **{f"{name}_url": link for name, link in links.items() if name != "self"},
        **dict.fromkeys(nothing.split()),
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
    """One side of a pull request; that of a branch which is no more has the commit of its opening."""
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
    """A pull request as it is alone: with the sizes of what it changes."""
    described = _describe(call, repository, pull)
    head, base = (ObjectID(described[side]["sha"].encode()) for side in ("head", "base"))
    forks = find_merge_base(repository.git, [head, base])
    tip, fork = repository.git[head], repository.git[forks[0]] if forks else None
    assert isinstance(tip, Commit)
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
