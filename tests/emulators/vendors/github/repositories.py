"""Repositories, the token's user and its quota: `repos`, `user`, `rate_limit`."""

from typing import NoReturn

from dulwich.objects import ObjectID

from ...vendor import Call, Response
from .descriptions import LOGIN, describe_repository, describe_self
from .git_data import make_commit
from .http import no_content, parse_body, rate_of, refuse, success, token_of
from .store import DEFAULT_BRANCH, STORE, Change, Repository

READERS = ("readonly", "stranger")
"""Prefixes of tokens that may not write."""

_FIELDS = {"name": "string", "private": "boolean", "auto_init": "boolean", "description": "string|null"}


def get_repository(call: Call, repository: Repository) -> Response:
    """Return a repository."""
    may_write = bool(token_of(call)) and not token_of(call).startswith(READERS)
    return success(call, describe_repository(call, repository, may_write=may_write))


def delete_repository(_: Call, repository: Repository) -> Response:
    """Delete a repository."""
    STORE.delete(repository.owner, repository.name)
    return no_content()


def create_repository(call: Call) -> Response:
    """Create a repository of the user or of any organization; `auto_init` commits a README."""
    if token_of(call).startswith(READERS):
        refuse(403)
    body = parse_body(call, _FIELDS, required=("name",))
    owner, name = call.params.get("org", LOGIN), body["name"]
    if STORE.exists(owner, name):
        _refuse_name("name already exists on this account")
    try:
        STORE.create(owner, name, private=body.get("private", False), description=body.get("description"))
    except ValueError:
        _refuse_name("name is invalid")
    with STORE.open(owner, name) as repository:
        if body.get("auto_init"):
            blob = repository.add_blob(f"# {name}\n".encode())
            tree = repository.change_tree(None, [Change(b"README.md", 0o100644, blob)])
            commit = make_commit(repository, tree=tree, parents=[], message="Initial commit")
            repository.create_ref(f"refs/heads/{DEFAULT_BRANCH}", ObjectID(commit.id))
        return success(call, describe_repository(call, repository, may_write=True), status=201)


def _refuse_name(message: str) -> NoReturn:
    errors = [{"resource": "Repository", "code": "custom", "field": "name", "message": message}]
    refuse(422, "Repository creation failed.", errors=errors)


def get_user(call: Call) -> Response:
    """Return the token's own user."""
    if not token_of(call):
        refuse(401, "Requires authentication")
    return success(call, describe_self(call))


def get_rate_limit(call: Call) -> Response:
    """Return the token's quota, without using it. The newer API has no `rate`, which repeats `resources.core`."""
    rate = rate_of(token_of(call))
    resources = dict.fromkeys(("core", "graphql", "search"), rate)
    newer = call.headers.get("x-github-api-version") == "2026-03-10"
    return success(call, {"resources": resources} if newer else {"resources": resources, "rate": rate})
