"""The GitHub emulator refuses what GitHub refuses, with the same status and message."""

from typing import Any

import httpx2
import pytest

from tests.clients.repositories import GitHubRepository, create_repository, deletion, entry, repository_of
from tests.emulators.process import Emulators

Refusal = tuple[str, str, Any, int, str]
"""A method, a path and a body, and the status and message of the response."""

ABSENT_SHA = "0" * 40
NOT_A_SHA = "parameter must be exactly 40 characters and contain only [0-9a-f]."


@pytest.fixture
def seeded(emulators: Emulators) -> GitHubRepository:
    """Return `demo/hello-worker`, which these tests do not change."""
    return repository_of(emulators, "demo/hello-worker")


@pytest.mark.parametrize(
    "refusal",
    [
        ("GET", "/git/ref/heads/absent", None, 404, "Not Found"),
        ("GET", "/git/trees/absent", None, 404, "Not Found"),
        ("GET", f"/git/blobs/{ABSENT_SHA}", None, 404, "Not Found"),
        ("GET", f"/git/commits/{ABSENT_SHA}", None, 404, "Not Found"),
        ("GET", f"/commits/{ABSENT_SHA}", None, 422, f"No commit found for SHA: {ABSENT_SHA}"),
        ("GET", "/branches/absent", None, 404, "Branch not found"),
        ("GET", "/contents/absent", None, 404, "Not Found"),
        ("GET", "/contents/README.md?ref=absent", None, 404, "No commit found for the ref absent"),
        ("GET", "/pulls/99", None, 404, "Not Found"),
        ("GET", "/absent", None, 404, "Not Found"),
        ("POST", "/git/refs", {"ref": "refs/heads/x", "sha": ABSENT_SHA}, 422, "Object does not exist"),
        ("POST", "/git/refs", {"ref": "refs/heads/x", "sha": "x"}, 422, f"The sha {NOT_A_SHA}"),
        ("POST", "/git/refs", {"ref": "refs/heads/x"}, 422, 'Invalid request.\n\n"sha" wasn\'t supplied.'),
        ("POST", "/git/refs", {}, 422, 'Invalid request.\n\n"ref", "sha" weren\'t supplied.'),
        ("POST", "/git/refs", [], 400, "Body should be a JSON object"),
        ("PATCH", "/git/refs/heads/main", {"sha": ABSENT_SHA}, 422, "Object does not exist"),
        ("DELETE", "/git/refs/heads/absent", None, 422, "Reference does not exist"),
        ("POST", "/git/blobs", {"content": "a b*", "encoding": "base64"}, 422, "content is not valid Base64"),
        (
            "POST",
            "/git/blobs",
            {"content": 1},
            422,
            "Invalid request.\n\nFor 'properties/content', 1 is not a string.",
        ),
        ("POST", "/git/trees", {"tree": []}, 422, "Invalid tree info"),
        (
            "POST",
            "/git/trees",
            {"tree": [entry("a", "x")], "base_tree": ABSENT_SHA},
            422,
            "base_tree is not a valid tree oid",
        ),
        ("POST", "/git/trees", {"tree": [deletion("absent")]}, 422, "GitRPC::BadObjectState"),
        ("POST", "/git/trees", {"tree": [entry("/a", "x")]}, 422, "tree.path cannot start with a slash"),
        ("POST", "/git/trees", {"tree": [entry("a/../b", "x")]}, 422, "tree.path contains a malformed path component"),
        ("POST", "/git/trees", {"tree": [entry(".git/a", "x")]}, 422, "tree.path contains a malformed path component"),
        ("POST", "/git/trees", {"tree": [entry("a", "x", mode="100600")]}, 422, "Must supply a valid tree.mode"),
        (
            "POST",
            "/git/trees",
            {"tree": [{"path": "a", "mode": "100644", "type": "blob", "sha": ABSENT_SHA}]},
            422,
            f"tree.sha {ABSENT_SHA} is not a valid blob",
        ),
        ("POST", "/git/commits", {"message": "x", "tree": ABSENT_SHA}, 422, "Tree SHA does not exist"),
        ("POST", "/git/commits", {"message": "x", "tree": "main"}, 422, f"The tree {NOT_A_SHA}"),
        (
            "PUT",
            "/contents/a/.git/b",
            {"message": "x", "content": "eA=="},
            422,
            "path contains a malformed path component",
        ),
        (
            "PUT",
            "/contents/x",
            {"message": "x", "content": "eA==", "branch": "absent"},
            404,
            "Branch absent not found",
        ),
    ],
)
def test_request_when_invalid_then_githubs_status_and_message(seeded: GitHubRepository, refusal: Refusal) -> None:
    method, path, body, status, message = refusal
    answer = seeded.request(method, path, json=body)

    assert (answer.status_code, answer.json()["message"]) == (status, message)
    assert answer.json()["status"] == str(status)
    assert answer.json()["documentation_url"].startswith("https://docs.github.com/rest")
    assert answer.headers["x-github-request-id"]


@pytest.mark.parametrize("body", [b"{", rb'{"content": "\ud800"}'])
def test_body_when_it_cannot_be_parsed_then_400(seeded: GitHubRepository, body: bytes) -> None:
    answer = seeded.request("POST", "/git/blobs", content=body)

    assert (answer.status_code, answer.json()["message"]) == (400, "Problems parsing JSON")


def test_commit_when_a_parent_does_not_exist_then_refused(seeded: GitHubRepository) -> None:
    tree = seeded.get("/git/trees/main")["sha"]
    short, absent = (
        seeded.request("POST", "/git/commits", json={"message": "x", "tree": tree, "parents": [parent]}).json()[
            "message"
        ]
        for parent in ("main", ABSENT_SHA)
    )

    assert short == f"Each SHA in the 'parents' {NOT_A_SHA}"
    assert absent == "Parent SHA does not exist or is not a commit object"


def test_ref_when_it_exists_or_is_invalid_then_refused(seeded: GitHubRepository) -> None:
    messages = [
        seeded.request("POST", "/git/refs", json={"ref": ref, "sha": seeded.tip()}).json()["message"]
        for ref in ("refs/heads/main", "refs/heads/main/below", "main", "refs/heads/a..b")
    ]

    assert messages[:2] == ["Reference already exists"] * 2
    assert messages[2:] == ["main is not a valid ref name.", "refs/heads/a..b is not a valid ref name."]


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({"user-agent": ""}, 403, "Request forbidden by administrative rules."),
        ({"authorization": "Bearer invalid"}, 401, "Bad credentials"),
        ({"authorization": "Basic any"}, 401, "Bad credentials"),
        ({"authorization": "Bearer exhausted"}, 403, "API rate limit exceeded"),
        ({"x-github-api-version": "2020-01-01"}, 400, "2020-01-01 is not a supported version"),
    ],
)
def test_request_when_its_headers_are_invalid_then_refused(
    seeded: GitHubRepository, headers: dict[str, str], status: int, message: str
) -> None:
    answer = seeded.request("GET", "", headers=headers)

    assert answer.status_code == status
    assert answer.json()["message"].startswith(message)


def test_rate_limit_when_used_up_then_headers_have_its_reset(seeded: GitHubRepository) -> None:
    refused = seeded.request("GET", "", pat="exhausted-1")
    limits = httpx2.get(
        seeded.url.replace("/repos/demo/hello-worker", "/rate_limit"),
        headers={**seeded.headers, "authorization": "token exhausted-1"},
    )

    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert int(refused.headers["x-ratelimit-reset"]) == limits.json()["rate"]["reset"]
    assert (limits.status_code, limits.json()["rate"]["remaining"]) == (200, 0)


@pytest.mark.parametrize("status", [403, 429])
def test_secondary_rate_limit_when_queued_then_retry_after(
    emulators: Emulators, seeded: GitHubRepository, status: int
) -> None:
    emulators.add_fault("github", kind="status", status=status, retry_after=60)

    answer = seeded.request("GET", "")

    assert (answer.status_code, answer.headers["retry-after"]) == (status, "60")
    assert answer.json()["message"].startswith("You have exceeded a secondary rate limit")
    assert seeded.request("GET", "").status_code == 200


def test_primary_rate_limit_when_queued_then_nothing_remains(emulators: Emulators, seeded: GitHubRepository) -> None:
    emulators.add_fault("github", kind="status", status=403, error_code="rate_limit")

    answer = seeded.request("GET", "")

    assert (answer.status_code, answer.headers["x-ratelimit-remaining"]) == (403, "0")
    assert answer.json()["message"].startswith("API rate limit exceeded")


def test_token_when_it_lacks_a_permission_then_403_or_404(emulators: Emulators) -> None:
    private = create_repository(emulators, private=True)
    blob = {"content": "x"}

    def send_request(method: str, path: str, token: str) -> tuple[int, str]:
        answer = private.request(method, path, pat=token, json=blob)
        return answer.status_code, answer.json().get("message", "")

    forbidden = (403, "Resource not accessible by personal access token")
    assert send_request("GET", "", "readonly-1") == (200, "")
    assert send_request("POST", "/git/blobs", "readonly-1") == forbidden
    assert (
        send_request("GET", "", "stranger-1") == send_request("POST", "/git/blobs", "stranger-1") == (404, "Not Found")
    )
    public = repository_of(emulators, "demo/hello-worker")
    assert public.request("POST", "/git/blobs", pat="stranger-1", json=blob).status_code == 403
    assert private.get("")["permissions"]["push"] is True
    assert public.get("", pat="stranger-1")["permissions"]["push"] is False


def test_request_when_it_has_no_token_then_only_public_reads(emulators: Emulators, seeded: GitHubRepository) -> None:
    private = create_repository(emulators, private=True)
    without_token = {"user-agent": "tests"}

    assert httpx2.get(seeded.url, headers=without_token).status_code == 200
    assert httpx2.get(private.url, headers=without_token).status_code == 404
    written = httpx2.post(f"{seeded.url}/git/blobs", headers=without_token, json={"content": "x"})
    assert (written.status_code, written.json()["message"]) == (401, "Requires authentication")


def test_response_when_its_etag_is_sent_then_304(seeded: GitHubRepository) -> None:
    first = seeded.request("GET", "/git/ref/heads/main")
    again = seeded.request("GET", "/git/ref/heads/main", headers={"if-none-match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["x-github-api-version-selected"] == "2022-11-28"


def test_list_when_longer_than_a_page_then_links_to_other_pages(emulators: Emulators) -> None:
    repository = create_repository(emulators)
    for number in range(4):
        repository.send("POST", "/git/refs", ref=f"refs/heads/branch-{number}", sha=repository.tip())

    pages = [repository.request("GET", f"/branches?per_page=2&page={number}") for number in (1, 3)]

    assert [[branch["name"] for branch in page.json()] for page in pages] == [["branch-0", "branch-1"], ["main"]]
    assert set(pages[0].links) == {"next", "last"}
    assert httpx2.get(pages[0].links["next"]["url"], headers=repository.headers).json()[0]["name"] == "branch-2"
    assert set(pages[1].links) == {"prev", "first"}


def test_pull_request_when_it_cannot_be_opened_then_422(emulators: Emulators) -> None:
    repository = create_repository(emulators)
    tip = repository.tip()
    repository.send("POST", "/git/refs", ref="refs/heads/same", sha=tip)
    ahead = repository.commit(entry("a", "x"), parent=tip)
    repository.send("POST", "/git/refs", ref="refs/heads/ahead", sha=ahead)

    def error(**fields: str) -> Any:
        body = {"title": "T", "base": "main", **fields}
        answer = repository.request("POST", "/pulls", json=body)
        assert (answer.status_code, answer.json()["message"]) == (422, "Validation Failed")
        return answer.json()["errors"][0]

    repository.send("POST", "/pulls", title="T", head="ahead", base="main")
    assert error(head="same")["message"] == "No commits between main and same"
    assert error(head="ahead")["message"] == "A pull request already exists for demo:ahead."
    assert error(head="absent") == {"resource": "PullRequest", "field": "head", "code": "invalid"}
    assert error(head="ahead", base="absent") == {"resource": "PullRequest", "field": "base", "code": "invalid"}
    assert error(head="ahead", title="") == {"resource": "PullRequest", "code": "missing_field", "field": "title"}
