"""The Git Data API: refs, blobs, trees and commits (https://docs.github.com/en/rest/git).

An empty repository refuses all of it: `PUT …/contents/{path}` makes its first commit.
"""

import base64
import binascii
import re
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dulwich.object_store import iter_tree_contents
from dulwich.objects import Blob, Commit, ObjectID, TreeEntry

from ...vendor import Call, Response
from .descriptions import (
    LOGIN,
    NOREPLY,
    describe_blob,
    describe_entry,
    describe_git_commit,
    describe_ref,
    kind_of,
    repository_url,
)
from .http import (
    check_fields,
    no_content,
    parse_body,
    raw_response,
    refuse,
    success,
    wants_raw,
)
from .store import Change, RefError, Repository, TreeError, is_sha

_KINDS = {0o100644: "blob", 0o100755: "blob", 0o120000: "blob", 0o040000: "tree", 0o160000: "commit"}
_MAX_ENTRIES = 100_000
_MAX_ENTRIES_IF_HUGE = 5
_MALFORMED = re.compile(r"(^|/)(\.{0,2}|\.git)(/|$)", re.IGNORECASE)


def get_ref(call: Call, repository: Repository) -> Response:
    """Return a ref."""
    ref = f"refs/{call.params['ref']}"
    sha = repository.refs().get(ref)
    if sha is None:
        refuse(404)
    return success(call, describe_ref(call, repository, ref, sha))


def list_matching_refs(call: Call, repository: Repository) -> Response:
    """Return every ref whose name starts with the given text, which may end within a part of the name."""
    found = repository.refs(f"refs/{call.params.get('ref', '')}")
    return success(call, [describe_ref(call, repository, ref, sha) for ref, sha in found.items()])


def _parse_sha(body: Mapping[str, Any], field: str) -> str:
    sha = body[field]
    if not is_sha(sha):
        refuse(422, f"The {field} parameter must be exactly 40 characters and contain only [0-9a-f].")
    return str(sha)


def _find_target(repository: Repository, ref: str, body: Mapping[str, Any]) -> ObjectID:
    """Return the object for a ref, which must be a commit for a branch."""
    item = repository.find(_parse_sha(body, "sha"))
    if item is None:
        refuse(422, "Object does not exist")
    if ref.startswith("refs/heads/") and not isinstance(item, Commit):
        refuse(422, "Object is not a commit")
    return ObjectID(item.id)


def create_ref(call: Call, repository: Repository) -> Response:
    """Create a ref."""
    body = parse_body(call, {"ref": "string", "sha": "string"}, required=("ref", "sha"))
    sha = _find_target(repository, body["ref"], body)
    try:
        repository.create_ref(body["ref"], sha)
    except RefError as error:
        refuse(422, str(error))
    described = describe_ref(call, repository, body["ref"], sha)
    return success(call, described, status=201, headers=[(b"location", described["url"].encode())])


def update_ref(call: Call, repository: Repository) -> Response:
    """Move a ref."""
    body = parse_body(call, {"sha": "string", "force": "boolean"}, required=("sha",))
    ref = f"refs/{call.params['ref']}"
    sha = _find_target(repository, ref, body)
    try:
        repository.move_ref(ref, sha, force=body.get("force", False))
    except RefError as error:
        refuse(422, str(error))
    return success(call, describe_ref(call, repository, ref, sha))


def delete_ref(call: Call, repository: Repository) -> Response:
    """Delete a ref."""
    try:
        repository.delete_ref(f"refs/{call.params['ref']}")
    except RefError as error:
        refuse(422, str(error))
    return no_content()


def create_blob(call: Call, repository: Repository) -> Response:
    """Add a blob."""
    body = parse_body(call, {"content": "string", "encoding": "string"}, required=("content",))
    match body.get("encoding", "utf-8").lower():
        case "base64":
            content = decode_base64(body["content"])
        case "utf-8" | "utf8":
            content = body["content"].encode()
        case other:
            refuse(422, f"{other} is not a supported encoding")
    sha = repository.add_blob(content).decode()
    url = f"{repository_url(call, repository)}/git/blobs/{sha}"
    return success(call, {"sha": sha, "url": url}, status=201, headers=[(b"location", url.encode())])


def decode_base64(text: str) -> bytes:
    """Return the bytes of base64 that may contain line breaks. Raises `Refusal` with 422."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        refuse(422, "content is not valid Base64")


def get_blob(call: Call, repository: Repository) -> Response:
    """Return a blob, or its bytes."""
    blob = repository.find(call.params["sha"])
    if not isinstance(blob, Blob):
        refuse(404)
    if wants_raw(call):
        return raw_response(call, blob.data)
    return success(call, describe_blob(call, repository, blob))


def create_tree(call: Call, repository: Repository) -> Response:
    """Add a tree, usually as changes to `base_tree`."""
    body = parse_body(call, {"tree": "array", "base_tree": "string|null"}, required=("tree",))
    base = None
    if body.get("base_tree") is not None:
        found = repository.find(body["base_tree"])
        if found is None or kind_of(found) != "tree":
            refuse(422, "base_tree is not a valid tree oid")
        base = ObjectID(found.id)
    if not body["tree"]:
        refuse(422, "Invalid tree info")
    changes = [_parse_change(repository, entry, at) for at, entry in enumerate(body["tree"])]
    try:
        sha = repository.change_tree(base, changes)
    except TreeError as error:
        refuse(422, str(error))
    return _tree_response(call, repository, sha, recursive=False, status=201)


def _parse_change(repository: Repository, entry: object, at: int) -> Change:
    where = f"properties/tree/items/{at}"
    if not isinstance(entry, dict):
        refuse(422, f"Invalid request.\n\nFor '{where}', the value is not an object.")
    types = {"path": "string", "mode": "string", "type": "string", "sha": "string|null", "content": "string"}
    check_fields(entry, types, where=where)
    path, mode, kind = entry.get("path", ""), entry.get("mode", ""), entry.get("type")
    check_path(path, field="tree.path")
    number = int(mode, 8) if re.fullmatch("[0-7]{5,6}", mode) else 0
    if number not in _KINDS:
        refuse(422, "Must supply a valid tree.mode")
    if kind not in {None, _KINDS[number]}:
        refuse(422, f"tree.type {kind} does not match tree.mode {mode}")
    if ("sha" in entry) == ("content" in entry):
        refuse(422, "Must supply either tree.sha or tree.content")
    if "content" in entry:
        return Change(path.encode(), number, repository.add_blob(entry["content"].encode()))
    sha = entry["sha"]
    if sha is None:
        return Change(path.encode(), number, None)
    item = repository.find(sha)
    # The commit of a submodule is in another repository.
    if not is_sha(sha) or (_KINDS[number] != "commit" and (item is None or kind_of(item) != _KINDS[number])):
        refuse(422, f"tree.sha {sha} is not a valid {_KINDS[number]}")
    return Change(path.encode(), number, ObjectID(sha.encode()))


def check_path(path: str, *, field: str) -> None:
    """Check that git can check out the path. Raises `Refusal` with 422."""
    if path.startswith("/"):
        refuse(422, f"{field} cannot start with a slash")
    if _MALFORMED.search(path) or "\0" in path:
        refuse(422, f"{field} contains a malformed path component")


def get_tree(call: Call, repository: Repository) -> Response:
    """Return a tree by its id, that of a commit, or a branch; any value of `recursive` includes all folders."""
    tree = repository.find_tree(call.params["sha"])
    if tree is None:
        refuse(404)
    return _tree_response(call, repository, ObjectID(tree.id), recursive="recursive" in call.query)


def _tree_response(
    call: Call, repository: Repository, sha: ObjectID, *, recursive: bool, status: int = 200
) -> Response:
    if recursive:
        entries = [
            TreeEntry(entry.path, entry.mode, entry.sha)
            for entry in iter_tree_contents(repository.git.object_store, sha, include_trees=True)
            if entry.path
        ]
    else:
        entries = list(repository.tree(sha).iteritems())
    limit = _MAX_ENTRIES_IF_HUGE if repository.name.startswith("huge-") else _MAX_ENTRIES
    body = {
        "sha": sha.decode(),
        "url": f"{repository_url(call, repository)}/git/trees/{sha.decode()}",
        "tree": [describe_entry(call, repository, entry) for entry in entries[:limit]],
        "truncated": len(entries) > limit,
    }
    return success(call, body, status=status)


def create_commit(call: Call, repository: Repository) -> Response:
    """Add a commit."""
    types = {"message": "string", "tree": "string", "parents": "array", "author": "object", "committer": "object"}
    body = parse_body(call, types, required=("message", "tree"))
    tree = repository.find(_parse_sha(body, "tree"))
    if tree is None or kind_of(tree) != "tree":
        refuse(422, "Tree SHA does not exist")
    parents = body.get("parents", [])
    if not all(is_sha(parent) for parent in parents):
        refuse(422, "Each SHA in the 'parents' parameter must be exactly 40 characters and contain only [0-9a-f].")
    if not all(isinstance(repository.find(parent), Commit) for parent in parents):
        refuse(422, "Parent SHA does not exist or is not a commit object")
    commit = make_commit(
        repository,
        tree=ObjectID(tree.id),
        parents=[ObjectID(parent.encode()) for parent in parents],
        message=body["message"],
        author=body.get("author"),
        committer=body.get("committer"),
    )
    described = describe_git_commit(call, repository, commit)
    return success(call, described, status=201, headers=[(b"location", described["url"].encode())])


def make_commit(
    repository: Repository,
    *,
    tree: ObjectID,
    parents: list[ObjectID],
    message: str,
    author: Mapping[str, str] | None = None,
    committer: Mapping[str, str] | None = None,
) -> Commit:
    """Add a commit. The default author is the token's user at this time, the default committer is the author.

    Raises `Refusal` for a person without a name or an email, or with an invalid date.
    """
    commit = Commit()
    commit.tree, commit.parents, commit.message = tree, parents, message.encode()
    commit.author, commit.author_time, commit.author_timezone = _parse_person(author)
    commit.committer, commit.commit_time, commit.commit_timezone = _parse_person(committer or author)
    repository.add(commit)
    return commit


def _parse_person(person: Mapping[str, str] | None) -> tuple[bytes, int, int]:
    """Return `Name <email>`, the seconds since 1970, and the time zone's offset from UTC in seconds."""
    if person is None:
        return f"{LOGIN} <{NOREPLY}>".encode(), int(time.time()), 0
    check_fields(person, {"name": "string", "email": "string", "date": "string"}, required=("name", "email"))
    name, email = (re.sub(r"[<>\n]", "", person[field]) for field in ("name", "email"))
    moment = datetime.now().astimezone()
    if "date" in person:
        try:
            moment = datetime.fromisoformat(person["date"])
        except ValueError:
            refuse(422, f"Invalid request.\n\n{person['date']} is not a valid date-time.")
    offset = moment.utcoffset()
    return f"{name} <{email}>".encode(), int(moment.timestamp()), int(offset.total_seconds()) if offset else 0


def get_git_commit(call: Call, repository: Repository) -> Response:
    """Return a commit."""
    commit = repository.find(call.params["sha"])
    if not isinstance(commit, Commit):
        refuse(404)
    return success(call, describe_git_commit(call, repository, commit))
