"""GitHub: repositories, the Git Data API, contents and pull requests, over real git repositories on disk.

Sources: https://docs.github.com/en/rest (API versions 2022-11-28 and 2026-03-10), github/rest-api-description, and
errors that users have shown where the documents are silent. `store.py` has the repositories, and the rest is by
part of the API.

Any token will do that does not start with `invalid`. One that starts with `readonly` may not write, with `stranger`
neither that nor see what is private, and with `exhausted` has used up its hour; so may a request without a token. Trees
of repositories whose name starts with `huge-` are truncated after five entries, which others are after 100,000.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from dulwich.objects import ObjectID

from ...vendor import Answer, Call, Refusal, Route, Vendor
from . import contents, git_data, pulls
from .answers import (
    answer,
    error,
    error_frame,
    no_content,
    rate_limit_exceeded,
    rate_of,
    read_body,
    refuse,
    token_of,
)
from .clone import routes as clone_routes
from .descriptions import LOGIN, describe_repository, describe_self
from .git_data import make_commit
from .seeds import plant
from .store import DEFAULT_BRANCH, STORE, Change, Repository

_VERSIONS = {"2022-11-28", "2026-03-10"}
_USER_AGENT = (
    "Request forbidden by administrative rules. Please make sure your request has a User-Agent header "
    "(https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required)."
)
_READERS = ("readonly", "stranger")
_NEW = {"name": "string", "private": "boolean", "auto_init": "boolean", "description": "string|null"}


def authenticate(call: Call) -> None:
    """The checks before any route: user agent, token, API version, what is left of the rate limit, right to write."""
    if not call.headers.get("user-agent"):
        raise Refusal(error(403, _USER_AGENT))
    token = token_of(call)
    if token.startswith("invalid") or (call.headers.get("authorization") and not token):
        raise Refusal(error(401))
    version = call.headers.get("x-github-api-version")
    if version is not None and version not in _VERSIONS:
        raise Refusal(error(400, f"{version} is not a supported version of the API."))
    if token.startswith("exhausted") and call.path != "/rate_limit":
        raise Refusal(rate_limit_exceeded())
    if call.method != "GET" and not token and not call.path.endswith(".git/git-upload-pack"):
        raise Refusal(error(401, "Requires authentication"))


def _in_repository(handler: Callable[[Call, Repository], Answer]) -> Callable[[Call], Answer]:
    """The handler, given its repository: 404 where there is none to see, 403 where it must not be written."""

    def handle(call: Call) -> Answer:
        owner, name, token = call.params["owner"], call.params["repo"], token_of(call)
        if not STORE.exists(owner, name):
            refuse(404)
        with STORE.open(owner, name) as repository:
            if repository.details["private"] and (not token or token.startswith("stranger")):
                refuse(404)
            if call.method != "GET" and token.startswith(_READERS):
                refuse(403)
            return handler(call, repository)

    return handle


def _unless_empty(handler: Callable[[Call, Repository], Answer]) -> Callable[[Call, Repository], Answer]:
    def handle(call: Call, repository: Repository) -> Answer:
        if repository.is_empty:
            refuse(409)
        return handler(call, repository)

    return handle


def get_repository(call: Call, repository: Repository) -> Answer:
    may_write = bool(token_of(call)) and not token_of(call).startswith(_READERS)
    return answer(call, describe_repository(call, repository, may_write=may_write))


def delete_repository(_: Call, repository: Repository) -> Answer:
    STORE.delete(repository.owner, repository.name)
    return no_content()


def create_repository(call: Call) -> Answer:
    """For the user, or for any organization, which exists by being named. `auto_init` commits a README."""
    if token_of(call).startswith(_READERS):
        refuse(403)
    body = read_body(call, _NEW, required=("name",))
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
        return answer(call, describe_repository(call, repository, may_write=True), status=201)


def _refuse_name(message: str) -> NoReturn:
    errors = [{"resource": "Repository", "code": "custom", "field": "name", "message": message}]
    refuse(422, "Repository creation failed.", errors=errors)


def get_user(call: Call) -> Answer:
    if not token_of(call):
        refuse(401, "Requires authentication")
    return answer(call, describe_self(call))


def get_rate_limit(call: Call) -> Answer:
    """Costs nothing. The newer version of the API leaves out `rate`, which is `resources.core` once more."""
    rate = rate_of(token_of(call))
    resources = dict.fromkeys(("core", "graphql", "search"), rate)
    newer = call.headers.get("x-github-api-version") == "2026-03-10"
    return answer(call, {"resources": resources} if newer else {"resources": resources, "rate": rate})


def unknown_route(_: Call) -> Answer:
    return error(404)


_REPOSITORY = "/repos/{owner}/{repo}"
_HANDLERS: tuple[tuple[str, str, Callable[[Call, Repository], Answer]], ...] = (
    ("GET", "", get_repository),
    ("DELETE", "", delete_repository),
    ("GET", "/contents", contents.get_contents),
    ("GET", "/contents/{path:path}", contents.get_contents),
    ("PUT", "/contents/{path:path}", contents.put_contents),
    ("DELETE", "/contents/{path:path}", contents.delete_contents),
    ("GET", "/branches", contents.list_branches),
    ("GET", "/branches/{branch:path}", contents.get_branch),
    ("GET", "/commits", contents.list_commits),
    ("GET", "/commits/{ref:path}", contents.get_commit),
    ("POST", "/pulls", pulls.create_pull),
    ("GET", "/pulls", pulls.list_pulls),
    ("GET", "/pulls/{number}", pulls.get_pull),
    ("PATCH", "/pulls/{number}", pulls.update_pull),
)
_GIT_HANDLERS: tuple[tuple[str, str, Callable[[Call, Repository], Answer]], ...] = (
    ("GET", "/git/ref/{ref:path}", git_data.get_ref),
    ("GET", "/git/matching-refs/{ref:path}", git_data.list_matching_refs),
    ("POST", "/git/refs", git_data.create_ref),
    ("PATCH", "/git/refs/{ref:path}", git_data.update_ref),
    ("DELETE", "/git/refs/{ref:path}", git_data.delete_ref),
    ("POST", "/git/blobs", git_data.create_blob),
    ("GET", "/git/blobs/{sha}", git_data.get_blob),
    ("POST", "/git/trees", git_data.create_tree),
    ("GET", "/git/trees/{sha:path}", git_data.get_tree),
    ("POST", "/git/commits", git_data.create_commit),
    ("GET", "/git/commits/{sha}", git_data.get_git_commit),
)


def start(folder: Path) -> None:
    STORE.folder = folder
    plant(STORE)


vendor = Vendor(
    name="github",
    routes=(
        Route("GET", "/rate_limit", get_rate_limit),
        Route("GET", "/user", get_user),
        Route("POST", "/user/repos", create_repository),
        Route("POST", "/orgs/{org}/repos", create_repository),
        *(Route(method, _REPOSITORY + path, _in_repository(handler)) for method, path, handler in _HANDLERS),
        *(
            Route(method, _REPOSITORY + path, _in_repository(_unless_empty(handler)))
            for method, path, handler in _GIT_HANDLERS
        ),
        *clone_routes,
    ),
    authenticate=authenticate,
    error=error,
    error_frame=error_frame,
    unknown_route=unknown_route,
    max_body_bytes=64 * 1024 * 1024,
    start=start,
)
