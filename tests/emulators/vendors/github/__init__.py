"""GitHub: repositories, the Git Data API, contents and pull requests, with git repositories on disk.

Sources: https://docs.github.com/en/rest (API versions 2022-11-28 and 2026-03-10), github/rest-api-description, and for
errors without documentation the texts that users have published.

Every token is accepted that does not start with `invalid`. `readonly…` may not write, `stranger…` may neither write nor
read private repositories, and `exhausted…` has used its quota of the hour. A request without a token may read public
repositories. Trees are truncated after 100,000 entries, or after five if the repository's name starts with `huge-`.
"""

from collections.abc import Callable
from pathlib import Path

from ...vendor import Call, Refusal, Response, Route, Vendor
from . import contents, git_data, pulls, repositories
from .clone import routes as clone_routes
from .http import error, error_frame, rate_limit_exceeded, refuse, token_of
from .repositories import READERS
from .seeds import create_seeds
from .store import STORE, Repository

_VERSIONS = {"2022-11-28", "2026-03-10"}
_USER_AGENT = (
    "Request forbidden by administrative rules. Please make sure your request has a User-Agent header "
    "(https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required)."
)


def authenticate(call: Call) -> None:
    """Check the user agent, the token, the API version, the quota, and that a write has a token."""
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


def _with_repository(handler: Callable[[Call, Repository], Response]) -> Callable[[Call], Response]:
    """Return the handler with its repository: 404 if the token may not read it, 403 if it may not write it."""

    def handle(call: Call) -> Response:
        owner, name, token = call.params["owner"], call.params["repo"], token_of(call)
        if not STORE.exists(owner, name):
            refuse(404)
        with STORE.open(owner, name) as repository:
            if repository.details["private"] and (not token or token.startswith("stranger")):
                refuse(404)
            if call.method != "GET" and token.startswith(READERS):
                refuse(403)
            return handler(call, repository)

    return handle


def _unless_empty(handler: Callable[[Call, Repository], Response]) -> Callable[[Call, Repository], Response]:
    def handle(call: Call, repository: Repository) -> Response:
        if repository.is_empty:
            refuse(409)
        return handler(call, repository)

    return handle


def unknown_route(_: Call) -> Response:
    """Return 404."""
    return error(404)


_REPOSITORY = "/repos/{owner}/{repo}"
_HANDLERS: tuple[tuple[str, str, Callable[[Call, Repository], Response]], ...] = (
    ("GET", "", repositories.get_repository),
    ("DELETE", "", repositories.delete_repository),
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
_GIT_HANDLERS: tuple[tuple[str, str, Callable[[Call, Repository], Response]], ...] = (
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
    """Use the folder for the repositories, and create the first two in it."""
    STORE.folder = folder
    create_seeds(STORE)


vendor = Vendor(
    name="github",
    routes=(
        Route("GET", "/rate_limit", repositories.get_rate_limit),
        Route("GET", "/user", repositories.get_user),
        Route("POST", "/user/repos", repositories.create_repository),
        Route("POST", "/orgs/{org}/repos", repositories.create_repository),
        *(Route(method, _REPOSITORY + path, _with_repository(handler)) for method, path, handler in _HANDLERS),
        *(
            Route(method, _REPOSITORY + path, _with_repository(_unless_empty(handler)))
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
