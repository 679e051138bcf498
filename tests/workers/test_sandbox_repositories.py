"""`POST /execute` with a repository: what of it is read, what is committed, what is deployed."""

from __future__ import annotations

import json
from threading import Timer

import httpx2
import pytest

from tests.clients.repositories import GitHubRepository, create_repository, entry
from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.sandbox import call, execute, files_of, play, tools_of, unique
from tests.workers.shapes import error_of, success_of

pytestmark = pytest.mark.usefixtures("delete_deployed")


@pytest.fixture
def repo(emulators: Emulators) -> GitHubRepository:
    """Return a new repository at the emulated GitHub, with some files."""
    made = create_repository(emulators)
    files = {
        "README.md": "# An old title\n\nSome words.\n",
        "src/index.js": "export default { fetch: () => new Response('old') };\n",
        "src/notes.txt": f"The token is {TOKEN}.\n",
        ".env": "SECRET=planted-in-the-repository\n",
        "other/file.txt": "other\n",
    }
    head = made.commit(*(entry(path, text) for path, text in files.items()), parent=made.tip())
    made.send("PATCH", "/git/refs/heads/main", sha=head)
    return made


TOKEN = "ghp_" + "a1B2" * 9


def test_execution_deploys_and_commits(platform: Platform, emulators: Emulators, repo: GitHubRepository) -> None:
    body = execute(
        platform,
        "Write a greeter",
        auto_deploy=True,
        worker_name=unique("greeter"),
        repo=repo.full_name,
        commit=True,
        commit_message="Greet by name",
    )

    url = body["deployment"]["url"]
    assert url.startswith("http://127.0.0.1:")
    with httpx2.Client(trust_env=False) as client:
        assert client.get(f"{url}/hello/Ada").json() == {"hello": "Ada"}
        assert client.get(f"{url}/nobody").status_code == 404
    shown = repo.git("show", "--stat", "--format=%H %s", body["commit"]["sha"])
    assert shown.startswith(f"{body['commit']['sha']} Greet by name")
    assert "src/index.js" in shown
    assert repo.git("show", "main:src/index.js") == files_of(body)["src/index.js"]
    assert repo.git("show", "main:README.md").startswith("# An old title")
    for table in ("executions", "deployments", "commits"):
        assert len(platform.rows(table, request_id=body["request_id"])) == 1


def test_execution_neither_deploys_nor_commits_unasked(
    platform: Platform, emulators: Emulators, repo: GitHubRepository
) -> None:
    before = repo.tip()
    emulators.reset()

    body = execute(platform, "Write a greeter", repo=repo.full_name, worker_name=unique("greeter"))

    assert {call["method"] for call in emulators.requests("github")} == {"GET"}

    assert "deployment" not in body and "commit" not in body
    assert repo.tip() == before
    assert emulators.requests("cloudflare") == []


def test_model_repeats_an_edit_whose_text_was_not_found(
    platform: Platform, emulators: Emulators, repo: GitHubRepository
) -> None:
    body = execute(platform, "Please rename the title to `A new title`", repo=repo.full_name, commit=True)

    assert tools_of(body) == [
        ("list_files", True),
        ("read_file", True),
        ("edit_file", False),
        ("edit_file", True),
        ("finish", True),
    ]
    assert "was not found" in body["result"]["steps"][2]["output"]
    assert repo.git("show", "main:README.md") == "# A new title\n\nSome words.\n"
    assert repo.git("log", "-1", "--format=%s").startswith("Please rename the title")


def test_file_when_deleted_then_the_commit_takes_it_away(
    platform: Platform, emulators: Emulators, repo: GitHubRepository
) -> None:
    body = execute(platform, "Please delete `other/file.txt`", repo=repo.full_name, commit=True)

    assert body["result"]["deleted_files"] == ["other/file.txt"]
    assert "other/file.txt" not in repo.git("ls-tree", "-r", "--name-only", "main")


def test_secrets_of_a_repository_are_in_no_prompt(
    platform: Platform, emulators: Emulators, repo: GitHubRepository
) -> None:
    body = execute(platform, play([["list_files", {}]], [["read_file", {"path": ".env"}]], [
        ["read_file", {"path": "src/notes.txt"}]
    ]), repo=repo.full_name)  # fmt: skip

    listed, hidden, masked = body["result"]["steps"][:3]
    assert ".env" not in listed["output"]
    assert hidden["ok"] is False
    assert masked["output"] == "The token is ***.\n"
    prompts = json.dumps(emulators.requests("anthropic"))
    assert TOKEN not in prompts and "planted-in-the-repository" not in prompts
    assert TOKEN not in json.dumps(body)


def test_paths_when_given_then_only_those_are_seen(platform: Platform, repo: GitHubRepository) -> None:
    task = play([["list_files", {}]], [["read_file", {"path": "README.md"}]], [["write_file", {
        "path": "README.md", "content": "x"
    }]])  # fmt: skip

    steps = execute(platform, task, repo=repo.full_name, paths=["src/*.js", "other"])["result"]["steps"]

    assert steps[0]["output"].splitlines() == ["other/file.txt", "src/index.js"]
    assert [step["ok"] for step in steps[1:3]] == [False, False]


def test_branch_that_moves_during_an_execution_is_a_conflict(
    platform: Platform, emulators: Emulators, repo: GitHubRepository
) -> None:
    emulators.set_latency("anthropic", first_byte_ms=200)
    moved: list[str] = []

    def move() -> None:
        head = repo.commit(entry("meanwhile.txt", "new\n"), parent=repo.tip())
        repo.send("PATCH", "/git/refs/heads/main", sha=head)
        moved.append(head)

    timer = Timer(0.3, move)
    timer.start()
    body = execute(platform, "Write a greeter", repo=repo.full_name, commit=True)
    timer.join()

    assert (body["commit"]["success"], body["commit"]["error_code"]) == (False, "CONFLICT")
    assert [repo.tip()] == moved
    assert body["result"]["metadata"]["complete"] is True


def test_repository_when_empty_then_the_first_commit_is_made(platform: Platform, emulators: Emulators) -> None:
    empty = create_repository(emulators, prefix="empty", auto_init=False)

    body = execute(platform, "Write a greeter", repo=empty.full_name, commit=True)

    assert body["commit"]["success"] is True
    assert empty.git("ls-tree", "-r", "--name-only", "main") == "src/index.js\n"


def test_missing_repository_is_refused_unpaid(platform: Platform, emulators: Emulators) -> None:
    answer = call(platform, "/execute", {"task": "x", "repo": "demo/nowhere"})

    assert "demo/nowhere" in error_of(answer, 422, "PROVIDER_REJECTED")["error"]
    assert emulators.requests("anthropic") == []


@pytest.mark.parametrize(
    ("scopes", "members", "scope"),
    [
        (("text",), {}, "sandbox:execute"),
        (("sandbox:deploy", "sandbox:commit"), {}, "sandbox:execute"),
        (("sandbox:execute",), {"auto_deploy": True, "worker_name": "x"}, "sandbox:deploy"),
        (("sandbox:execute", "sandbox:deploy"), {"repo": "demo/empty", "commit": True}, "sandbox:commit"),
    ],
)
def test_missing_scope_is_a_403_unpaid(
    platform: Platform, emulators: Emulators, scopes: tuple[str, ...], members: dict[str, object], scope: str
) -> None:
    key = platform.key(*scopes)

    answer = call(platform, "/execute", {"task": "x", **members}, Authorization=f"Bearer {key}")

    assert f"`{scope}`" in error_of(answer, 403, "FORBIDDEN")["error"]
    assert [emulators.requests(vendor) for vendor in ("anthropic", "github", "cloudflare")] == [[], [], []]


def test_key_when_missing_then_401_even_where_access_is_open(platform: Platform) -> None:
    client = platform.client("sandbox-executor")

    for method, path in (
        ("POST", "/execute"),
        ("POST", "/execute/stream"),
        ("GET", "/execute/x"),
        ("POST", "/deploy"),
        ("GET", "/deploy/x"),
        ("DELETE", "/deploy/x"),
        ("POST", "/deploy/x/rollback"),
        ("POST", "/github/commit"),
    ):
        error_of(client.request(method, path), 401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    ("members", "setting"),
    [
        ({"repo": "demo/hello-worker"}, "ALLOWED_REPOSITORIES"),
        ({"auto_deploy": True, "worker_name": "someone-else"}, "ALLOWED_WORKER_PREFIXES"),
    ],
)
def test_name_that_is_not_allowed_is_a_403_unpaid(
    platform: Platform, emulators: Emulators, members: dict[str, object], setting: str
) -> None:
    answer = call(platform, "/execute", {"task": "x", **members}, worker="sandbox-executor-of-one-team")

    assert f"`{setting}`" in error_of(answer, 403, "FORBIDDEN")["error"]
    assert [emulators.requests(vendor) for vendor in ("anthropic", "github", "cloudflare")] == [[], [], []]


def test_worker_when_its_name_is_one_of_the_platforms_then_403(platform: Platform) -> None:
    answer = call(platform, "/execute", {"task": "x", "auto_deploy": True, "worker_name": "text-gen"})

    error_of(answer, 403, "FORBIDDEN")


def test_health_shows_which_accounts_are_configured(platform: Platform) -> None:
    everything = platform.client("sandbox-executor").get("/health").json()
    nothing = platform.client("sandbox-executor-without-keys").get("/health").json()
    deep = platform.client("sandbox-executor").get("/health?deep=1")

    assert everything["checks"] == {"anthropic": True, "cloudflare": True, "github": True}
    assert nothing["checks"] == {"anthropic": False, "cloudflare": False, "github": False}
    assert deep.status_code == 200
    assert deep.json()["checks"]["DB"] == "ok"


def test_failed_deployment_keeps_the_result_uncommitted(
    platform: Platform, emulators: Emulators, repo: GitHubRepository
) -> None:
    before = repo.tip()
    emulators.add_fault("cloudflare", kind="status", status=400, message="No such thing", method="PUT")

    body = success_of(
        call(
            platform,
            "/execute",
            {
                "task": "Write a greeter",
                "repo": repo.full_name,
                "commit": True,
                "auto_deploy": True,
                "worker_name": unique("w"),
            },
        )
    )

    assert (body["deployment"]["success"], body["deployment"]["error_code"]) == (False, "DEPLOYMENT_FAILED")
    assert "No such thing" in body["deployment"]["error"]
    assert (body["commit"]["success"], body["commit"]["error_code"]) == (False, "DEPLOYMENT_FAILED")
    assert repo.tip() == before
    assert "src/index.js" in files_of(body)
