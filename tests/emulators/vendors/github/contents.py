"""Files, branches and history: `contents/{path}`, `branches`, `commits`.

Source: https://docs.github.com/en/rest/repos/contents. `PUT` commits one file, and is the only way to fill an empty
repository.
"""

from typing import Any

from dulwich.errors import NotTreeError
from dulwich.object_store import tree_lookup_path
from dulwich.objects import S_ISGITLINK, Blob, Commit, ObjectID, Tree

from ...vendor import Call, Response
from .descriptions import (
    describe_branch,
    describe_commit,
    describe_content,
    describe_git_commit,
    encode_base64,
    repository_url,
)
from .diff import describe_changes
from .git_data import check_path, decode_base64, make_commit
from .http import page_of, parse_body, raw_response, refuse, success, wants_raw
from .store import Change, Repository, TreeError

_MAX_INLINE_BYTES = 1024 * 1024
_PUT = {"message": "string", "content": "string", "sha": "string", "branch": "string"}
_PEOPLE = {"author": "object", "committer": "object"}


def _find_object(repository: Repository, tree: Tree, path: str) -> tuple[int, Blob | Tree] | None:
    """Return the mode and the object at a path, or `None` if there is nothing or a submodule."""
    if not path:
        return 0o40000, tree
    try:
        mode, sha = tree_lookup_path(repository.git.object_store.__getitem__, tree.id, path.encode())
    except (KeyError, NotTreeError):
        return None
    if S_ISGITLINK(mode):
        return None
    item = repository.git[sha]
    return (mode, item) if isinstance(item, Blob | Tree) else None


def get_contents(call: Call, repository: Repository) -> Response:
    """Return a file with its content in base64 (without it above 1 MB), or the entries of a folder."""
    if repository.is_empty:
        refuse(404, "This repository is empty.")
    ref = call.query_value("ref") or repository.default_branch
    commit = repository.find_commit(ref)
    if commit is None:
        refuse(404, f"No commit found for the ref {ref}")
    path = call.params.get("path", "").strip("/")
    found = _find_object(repository, repository.tree(commit.tree), path)
    if found is None:
        refuse(404)
    item = found[1]
    if isinstance(item, Tree):
        return success(call, _list_folder(call, repository, path, item, ref=ref))
    if wants_raw(call):
        return raw_response(call, item.data)
    inline = len(item.data) <= _MAX_INLINE_BYTES
    content = {"content": encode_base64(item.data) if inline else "", "encoding": "base64" if inline else "none"}
    return success(call, {**describe_content(call, repository, path, item, ref=ref), **content})


def _list_folder(call: Call, repository: Repository, path: str, tree: Tree, *, ref: str) -> list[dict[str, Any]]:
    entries = []
    for entry in tree.iteritems():
        name = (entry.path or b"").decode("utf-8", "replace")
        if found := _find_object(repository, tree, name):
            entry_path = f"{path}/{name}" if path else name
            entries.append(describe_content(call, repository, entry_path, found[1], ref=ref))
    return entries


def put_contents(call: Call, repository: Repository) -> Response:
    """Create or update a file; an update names the blob that it replaces, and keeps the file's mode."""
    body = parse_body(call, {**_PUT, **_PEOPLE}, required=("message", "content"))
    path = call.params["path"]
    check_path(path, field="path")
    branch = body.get("branch", repository.default_branch)
    tip = repository.branch(branch)
    if tip is None and not repository.is_empty:
        refuse(404, f"Branch {branch} not found")
    content = decode_base64(body["content"])
    old = _find_object(repository, repository.tree(tip.tree), path) if tip else None
    _check_replaced(path, old, body.get("sha"))
    change = Change(path.encode(), old[0] if old else 0o100644, repository.add_blob(content))
    commit = _commit_change(repository, change, body=body, branch=branch, tip=tip)
    described = describe_content(call, repository, path, Blob.from_string(content), ref=branch)
    result = {"content": described, "commit": describe_git_commit(call, repository, commit)}
    return success(call, result, status=200 if old else 201)


def delete_contents(call: Call, repository: Repository) -> Response:
    """Delete a file in a commit of its own."""
    body = parse_body(call, {**_PUT, **_PEOPLE}, required=("message", "sha"))
    path = call.params["path"]
    branch = body.get("branch", repository.default_branch)
    tip = repository.branch(branch)
    if tip is None:
        refuse(404, f"Branch {branch} not found")
    old = _find_object(repository, repository.tree(tip.tree), path)
    if old is None:
        refuse(404)
    _check_replaced(path, old, body["sha"])
    commit = _commit_change(repository, Change(path.encode(), old[0], None), body=body, branch=branch, tip=tip)
    return success(call, {"content": None, "commit": describe_git_commit(call, repository, commit)})


def _check_replaced(path: str, old: tuple[int, Blob | Tree] | None, sha: str | None) -> None:
    if old is None:
        return
    if sha is None:
        refuse(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    if isinstance(old[1], Tree) or old[1].id.decode() != sha:
        refuse(409, f"{path} does not match {sha}")


def _commit_change(
    repository: Repository, change: Change, *, body: dict[str, Any], branch: str, tip: Commit | None
) -> Commit:
    """Commit one change to the branch; in an empty repository this creates the branch."""
    try:
        tree = repository.change_tree(tip.tree if tip else None, [change])
    except TreeError as error:
        refuse(422, str(error))
    commit = make_commit(
        repository,
        tree=tree,
        parents=[ObjectID(tip.id)] if tip else [],
        message=body["message"],
        author=body.get("author"),
        committer=body.get("committer"),
    )
    if tip:
        repository.move_ref(f"refs/heads/{branch}", ObjectID(commit.id), force=False)
    else:
        repository.create_ref(f"refs/heads/{branch}", ObjectID(commit.id))
    return commit


def list_branches(call: Call, repository: Repository) -> Response:
    """Return a page of branches."""

    def describe(ref: str) -> dict[str, Any]:
        sha = branches[ref].decode()
        commit = {"sha": sha, "url": f"{repository_url(call, repository)}/commits/{sha}"}
        return {"name": ref.removeprefix("refs/heads/"), "commit": commit, "protected": False}

    branches = repository.refs("refs/heads/")
    return page_of(call, list(branches), describe)


def get_branch(call: Call, repository: Repository) -> Response:
    """Return a branch with its last commit."""
    commit = repository.branch(call.params["branch"])
    if commit is None:
        refuse(404, "Branch not found")
    described = describe_commit(call, repository, commit)
    return success(call, describe_branch(call, repository, call.params["branch"], described))


def list_commits(call: Call, repository: Repository) -> Response:
    """Return a page of the history of `sha` (a branch or an id; by default the default branch), newest first."""
    if repository.is_empty:
        refuse(409)
    commit = repository.find_commit(call.query_value("sha") or "HEAD")
    if commit is None:
        refuse(404)
    paths = [call.query_value("path").encode()] if call.query_value("path") else None
    commits = [entry.commit for entry in repository.git.get_walker(include=[ObjectID(commit.id)], paths=paths)]
    return page_of(call, commits, lambda item: describe_commit(call, repository, item))


def get_commit(call: Call, repository: Repository) -> Response:
    """Return one commit with the files that it changed."""
    if repository.is_empty:
        refuse(409)
    ref = call.params["ref"]
    commit = repository.find_commit(ref)
    if commit is None:
        refuse(422, f"No commit found for SHA: {ref}")
    parent = repository.git[commit.parents[0]] if commit.parents else None
    before = parent.tree if isinstance(parent, Commit) else None
    files = describe_changes(call, repository, before, commit.tree, ref=commit.id.decode())
    stats = {name: sum(file[name] for file in files) for name in ("additions", "deletions")}
    described = describe_commit(call, repository, commit)
    return success(call, {**described, "stats": {**stats, "total": sum(stats.values())}, "files": files})
