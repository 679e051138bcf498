"""The Git Data API: refs, blobs, trees and commits (https://docs.github.com/en/rest/git).

An empty repository refuses all of it: its first commit comes from `PUT …/contents/{path}`.
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

from ...vendor import Answer, Call
from .answers import (
    answer,
    check_members,
    no_content,
    raw_answer,
    read_body,
    refuse,
    wants_raw,
)
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
from .store import Change, RefError, Repository, TreeError, is_sha

_KINDS = {0o100644: "blob", 0o100755: "blob", 0o120000: "blob", 0o040000: "tree", 0o160000: "commit"}
_MAX_ENTRIES = 100_000
_MAX_ENTRIES_OF_A_HUGE_REPOSITORY = 5
_MALFORMED = re.compile(r"(^|/)(\.{0,2}|\.git)(/|$)", re.IGNORECASE)


def get_ref(call: Call, repository: Repository) -> Answer:
    ref = f"refs/{call.params['ref']}"
    sha = repository.refs().get(ref)
    if sha is None:
        refuse(404)
    return answer(call, describe_ref(call, repository, ref, sha))


def list_matching_refs(call: Call, repository: Repository) -> Answer:
    """Every ref whose name starts so, also when that is not a whole part of the name."""
    found = repository.refs(f"refs/{call.params.get('ref', '')}")
    return answer(call, [describe_ref(call, repository, ref, sha) for ref, sha in found.items()])


def _read_sha(body: Mapping[str, Any], member: str) -> str:
    sha = body[member]
    if not is_sha(sha):
        refuse(422, f"The {member} parameter must be exactly 40 characters and contain only [0-9a-f].")
    return str(sha)


def _target(repository: Repository, ref: str, body: Mapping[str, Any]) -> ObjectID:
    """The object that a ref shall name; a branch names a commit."""
    item = repository.find(_read_sha(body, "sha"))
    if item is None:
        refuse(422, "Object does not exist")
    if ref.startswith("refs/heads/") and not isinstance(item, Commit):
        refuse(422, "Object is not a commit")
    return ObjectID(item.id)


def create_ref(call: Call, repository: Repository) -> Answer:
    body = read_body(call, {"ref": "string", "sha": "string"}, required=("ref", "sha"))
    sha = _target(repository, body["ref"], body)
    try:
        repository.create_ref(body["ref"], sha)
    except RefError as error:
        refuse(422, str(error))
    described = describe_ref(call, repository, body["ref"], sha)
    return answer(call, described, status=201, headers=[(b"location", described["url"].encode())])


def update_ref(call: Call, repository: Repository) -> Answer:
    body = read_body(call, {"sha": "string", "force": "boolean"}, required=("sha",))
    ref = f"refs/{call.params['ref']}"
    sha = _target(repository, ref, body)
    try:
        repository.move_ref(ref, sha, force=body.get("force", False))
    except RefError as error:
        refuse(422, str(error))
    return answer(call, describe_ref(call, repository, ref, sha))


def delete_ref(call: Call, repository: Repository) -> Answer:
    try:
        repository.delete_ref(f"refs/{call.params['ref']}")
    except RefError as error:
        refuse(422, str(error))
    return no_content()


def create_blob(call: Call, repository: Repository) -> Answer:
    body = read_body(call, {"content": "string", "encoding": "string"}, required=("content",))
    match body.get("encoding", "utf-8").lower():
        case "base64":
            content = decode_base64(body["content"])
        case "utf-8" | "utf8":
            content = body["content"].encode()
        case other:
            refuse(422, f"{other} is not a supported encoding")
    sha = repository.add_blob(content).decode()
    url = f"{repository_url(call, repository)}/git/blobs/{sha}"
    return answer(call, {"sha": sha, "url": url}, status=201, headers=[(b"location", url.encode())])


def decode_base64(text: str) -> bytes:
    """The bytes; line breaks in the text are no matter. Raises `Refusal` with GitHub's 422."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        refuse(422, "content is not valid Base64")


def get_blob(call: Call, repository: Repository) -> Answer:
    blob = repository.find(call.params["sha"])
    if not isinstance(blob, Blob):
        refuse(404)
    if wants_raw(call):
        return raw_answer(call, blob.data)
    return answer(call, describe_blob(call, repository, blob))


def create_tree(call: Call, repository: Repository) -> Answer:
    body = read_body(call, {"tree": "array", "base_tree": "string|null"}, required=("tree",))
    base = None
    if body.get("base_tree") is not None:
        found = repository.find(body["base_tree"])
        if found is None or kind_of(found) != "tree":
            refuse(422, "base_tree is not a valid tree oid")
        base = ObjectID(found.id)
    if not body["tree"]:
        refuse(422, "Invalid tree info")
    changes = [_read_change(repository, entry, at) for at, entry in enumerate(body["tree"])]
    try:
        sha = repository.change_tree(base, changes)
    except TreeError as error:
        refuse(422, str(error))
    return _tree_answer(call, repository, sha, recursive=False, status=201)


def _read_change(repository: Repository, entry: object, at: int) -> Change:
    where = f"properties/tree/items/{at}"
    if not isinstance(entry, dict):
        refuse(422, f"Invalid request.\n\nFor '{where}', the value is not an object.")
    types = {"path": "string", "mode": "string", "type": "string", "sha": "string|null", "content": "string"}
    check_members(entry, types, where=where)
    path, mode, kind = entry.get("path", ""), entry.get("mode", ""), entry.get("type")
    check_path(path, member="tree.path")
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
    # The commit of a submodule lies in another repository.
    if not is_sha(sha) or (_KINDS[number] != "commit" and (item is None or kind_of(item) != _KINDS[number])):
        refuse(422, f"tree.sha {sha} is not a valid {_KINDS[number]}")
    return Change(path.encode(), number, ObjectID(sha.encode()))


def check_path(path: str, *, member: str) -> None:
    """Raises `Refusal` for a path that git could not check out."""
    if path.startswith("/"):
        refuse(422, f"{member} cannot start with a slash")
    if _MALFORMED.search(path) or "\0" in path:
        refuse(422, f"{member} contains a malformed path component")


def get_tree(call: Call, repository: Repository) -> Answer:
    """By the id of a tree or commit, or the name of a branch; `recursive` with any value means all the way down."""
    tree = repository.find_tree(call.params["sha"])
    if tree is None:
        refuse(404)
    return _tree_answer(call, repository, ObjectID(tree.id), recursive="recursive" in call.query)


def _tree_answer(call: Call, repository: Repository, sha: ObjectID, *, recursive: bool, status: int = 200) -> Answer:
    if recursive:
        entries = [
            TreeEntry(entry.path, entry.mode, entry.sha)
            for entry in iter_tree_contents(repository.git.object_store, sha, include_trees=True)
            if entry.path
        ]
    else:
        entries = list(repository.tree(sha).iteritems())
    limit = _MAX_ENTRIES_OF_A_HUGE_REPOSITORY if repository.name.startswith("huge-") else _MAX_ENTRIES
    body = {
        "sha": sha.decode(),
        "url": f"{repository_url(call, repository)}/git/trees/{sha.decode()}",
        "tree": [describe_entry(call, repository, entry) for entry in entries[:limit]],
        "truncated": len(entries) > limit,
    }
    return answer(call, body, status=status)


def create_commit(call: Call, repository: Repository) -> Answer:
    types = {"message": "string", "tree": "string", "parents": "array", "author": "object", "committer": "object"}
    body = read_body(call, types, required=("message", "tree"))
    tree = repository.find(_read_sha(body, "tree"))
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
    return answer(call, described, status=201, headers=[(b"location", described["url"].encode())])


def make_commit(
    repository: Repository,
    *,
    tree: ObjectID,
    parents: list[ObjectID],
    message: str,
    author: Mapping[str, str] | None = None,
    committer: Mapping[str, str] | None = None,
) -> Commit:
    """Adds a commit. Without an author it is the token's user, now; without a committer the author.

    Raises `Refusal` for a person without a name or an email, or a date that is none.
    """
    commit = Commit()
    commit.tree, commit.parents, commit.message = tree, parents, message.encode()
    commit.author, commit.author_time, commit.author_timezone = _read_person(author)
    commit.committer, commit.commit_time, commit.commit_timezone = _read_person(committer or author)
    repository.add(commit)
    return commit


def _read_person(person: Mapping[str, str] | None) -> tuple[bytes, int, int]:
    """`Name <email>`, the seconds since 1970, and the seconds by which its clock is ahead of UTC."""
    if person is None:
        return f"{LOGIN} <{NOREPLY}>".encode(), int(time.time()), 0
    check_members(person, {"name": "string", "email": "string", "date": "string"}, required=("name", "email"))
    name, email = (re.sub(r"[<>\n]", "", person[member]) for member in ("name", "email"))
    moment = datetime.now().astimezone()
    if "date" in person:
        try:
            moment = datetime.fromisoformat(person["date"])
        except ValueError:
            refuse(422, f"Invalid request.\n\n{person['date']} is not a valid date-time.")
    offset = moment.utcoffset()
    return f"{name} <{email}>".encode(), int(moment.timestamp()), int(offset.total_seconds()) if offset else 0


def get_git_commit(call: Call, repository: Repository) -> Answer:
    commit = repository.find(call.params["sha"])
    if not isinstance(commit, Commit):
        refuse(404)
    return answer(call, describe_git_commit(call, repository, commit))
