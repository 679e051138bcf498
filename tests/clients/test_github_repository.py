"""Changes through the GitHub emulator's API are in the repository on disk, and changes with git are in the API."""

import base64
import subprocess
from pathlib import Path

import httpx2
import pytest

from tests.clients.repositories import GitHubRepository, create_repository, deletion, entry, repository_of
from tests.emulators.process import Emulators, start_emulators

BINARY = bytes(range(256))
AUTHOR = {"name": "Ada", "email": "ada@example.com", "date": "2026-02-03T04:05:06+02:00"}


@pytest.fixture
def repository(emulators: Emulators) -> GitHubRepository:
    return create_repository(emulators)


def test_commit_when_created_through_the_api_then_git_has_it(repository: GitHubRepository, tmp_path: Path) -> None:
    parent = repository.tip()
    content = base64.b64encode(BINARY).decode()
    blob = repository.send("POST", "/git/blobs", content=content, encoding="base64")["sha"]
    base = repository.get(f"/git/commits/{parent}")["tree"]["sha"]
    entries = [
        {"path": "data/all.bin", "mode": "100644", "type": "blob", "sha": blob},
        entry("scripts/run.sh", "#!/bin/sh\n", mode="100755"),
        entry("grüße.txt", "Grüße\n"),
        entry("link", "grüße.txt", mode="120000"),
    ]
    tree = repository.send("POST", "/git/trees", base_tree=base, tree=entries)["sha"]
    fields = {"message": "Add four files\n\nWith reasons.", "tree": tree, "parents": [parent], "author": AUTHOR}
    commit = repository.send("POST", "/git/commits", **fields)
    repository.send("PATCH", "/git/refs/heads/main", sha=commit["sha"])
    subprocess.run(["git", "clone", "--quiet", repository.path, tmp_path / "clone"], check=True)

    assert repository.git("log", "--format=%H %an <%ae> %aI|%s|%b", "-1") == (
        f"{commit['sha']} Ada <ada@example.com> 2026-02-03T04:05:06+02:00|Add four files|With reasons.\n"
    )
    assert repository.git("log", "--format=%H").split() == [commit["sha"], parent]
    assert "scripts/run.sh" in repository.git("show", "--stat", commit["sha"])
    assert repository.git("fsck", "--strict") == ""
    assert (tmp_path / "clone/data/all.bin").read_bytes() == BINARY
    assert (tmp_path / "clone/scripts/run.sh").stat().st_mode & 0o111 == 0o111
    assert (tmp_path / "clone/link").read_text() == "Grüße\n"
    assert (tmp_path / "clone/README.md").exists()
    assert commit["author"] == {**AUTHOR, "date": "2026-02-03T02:05:06Z"} == commit["committer"]


def test_commit_when_pushed_with_git_then_the_api_has_it(repository: GitHubRepository, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", repository.path, clone], check=True)
    (clone / "pushed.txt").write_text("pushed\n")
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    for command in (["add", "."], ["commit", "--quiet", "-m", "Push"], ["push", "--quiet"]):
        subprocess.run(["git", "-C", clone, *who, *command], check=True)

    newest = repository.get("/commits/main")

    assert (newest["commit"]["message"], newest["files"][0]["filename"]) == ("Push", "pushed.txt")
    assert newest["stats"] == {"additions": 1, "deletions": 0, "total": 1}
    assert repository.get("/commits")[0]["sha"] == newest["sha"] == repository.tip()


def test_file_when_requested_raw_then_its_bytes_are_returned(repository: GitHubRepository) -> None:
    blob = repository.send("POST", "/git/blobs", content=base64.b64encode(BINARY).decode(), encoding="base64")["sha"]
    raw = {"accept": "application/vnd.github.raw+json"}

    assert repository.request("GET", f"/git/blobs/{blob}", headers=raw).content == BINARY
    assert repository.request("GET", "/contents/README.md", headers=raw).text.startswith("# test-")
    assert base64.b64decode(repository.get(f"/git/blobs/{blob}")["content"]) == BINARY


def test_clone_when_over_http_then_it_has_the_files(emulators: Emulators, tmp_path: Path) -> None:
    url = f"{emulators.url_of('github')}/demo/hello-worker.git"

    subprocess.run(["git", "clone", "--quiet", url, tmp_path / "clone"], check=True)

    assert (tmp_path / "clone/src/index.js").read_text().startswith("import { greet }")
    assert (tmp_path / "clone/scripts/check.sh").stat().st_mode & 0o100


def test_seed_when_started_then_the_same_on_every_machine(emulators: Emulators) -> None:
    seeded = repository_of(emulators, "demo/hello-worker")
    tree = seeded.get("/git/trees/main?recursive=1")

    assert seeded.tip() == "f7352aa76f8728c2a32b5a4e5d864ab7f19c01a8"
    assert not tree["truncated"]
    assert {item["path"]: item["mode"] for item in tree["tree"]} == {
        ".github": "040000",
        ".github/workflows": "040000",
        ".github/workflows/test.yml": "100644",
        "README.md": "100644",
        "docs": "040000",
        "docs/logo.png": "100644",
        "package.json": "100644",
        "scripts": "040000",
        "scripts/check.sh": "100755",
        "src": "040000",
        "src/greeting.js": "100644",
        "src/index.js": "100644",
    }


def test_tree_when_changed_then_other_files_keep_their_modes(repository: GitHubRepository) -> None:
    first = repository.commit(entry("a/run.sh", "1", mode="100755"), entry("a/b/c", "2"), parent=repository.tip())
    second = repository.commit(deletion("a/b/c"), entry("d", "3"), parent=first)

    assert repository.git("ls-tree", "-r", "--format=%(objectmode) %(path)", second).splitlines() == [
        "100644 README.md",
        "100755 a/run.sh",
        "100644 d",
    ]


def test_tree_when_a_file_becomes_a_folder_then_it_is_replaced(repository: GitHubRepository) -> None:
    first = repository.commit(entry("README.md/below", "1"), parent=repository.tip())
    second = repository.commit(entry("README.md", "2"), parent=first)

    assert repository.git("ls-tree", "-r", "--name-only", first) == "README.md/below\n"
    assert repository.git("ls-tree", "-r", "--name-only", second) == "README.md\n"


def test_tree_when_a_subtree_changes_then_so_do_its_files(repository: GitHubRepository) -> None:
    parent = repository.tip()
    root = repository.get(f"/git/trees/{parent}")["sha"]
    copied = repository.commit({"path": "copy", "mode": "040000", "type": "tree", "sha": root}, parent=parent)
    deleted = repository.commit(deletion("copy"), parent=copied)

    assert repository.git("ls-tree", "-r", "--name-only", copied) == "README.md\ncopy/README.md\n"
    assert repository.git("rev-parse", f"{deleted}^{{tree}}").strip() == root


def test_tree_when_too_large_then_it_is_marked_as_truncated(emulators: Emulators) -> None:
    huge = create_repository(emulators, prefix="huge")
    sha = huge.commit(*(entry(f"file-{number}", "x") for number in range(9)), parent=huge.tip())

    tree = huge.get(f"/git/trees/{sha}?recursive=1")

    assert (tree["truncated"], len(tree["tree"])) == (True, 5)


def test_ref_when_it_would_lose_commits_then_force_is_required(repository: GitHubRepository) -> None:
    parent = repository.tip()
    ours, theirs = (repository.commit(entry("a", text), parent=parent) for text in ("ours", "theirs"))
    repository.send("PATCH", "/git/refs/heads/main", sha=theirs)

    refused = repository.request("PATCH", "/git/refs/heads/main", json={"sha": ours})
    tip = repository.tip()
    repository.send("PATCH", "/git/refs/heads/main", sha=ours, force=True)

    assert (refused.status_code, refused.json()["message"]) == (422, "Update is not a fast forward")
    assert (tip, repository.tip()) == (theirs, ours)


def test_branch_when_its_name_has_a_slash_then_it_is_found(repository: GitHubRepository) -> None:
    sha = repository.tip()
    created = repository.request("POST", "/git/refs", json={"ref": "refs/heads/feature/one", "sha": sha})

    assert created.headers["location"] == created.json()["url"] == f"{repository.url}/git/refs/heads/feature/one"
    assert repository.tip("feature%2Fone") == repository.tip("feature/one") == sha
    assert repository.get("/branches/feature%2Fone")["commit"]["sha"] == sha
    assert repository.get("/git/trees/feature%2Fone")["tree"][0]["path"] == "README.md"
    assert [ref["ref"] for ref in repository.get("/git/matching-refs/heads/feat")] == ["refs/heads/feature/one"]
    assert repository.request("DELETE", "/git/refs/heads/feature/one").status_code == 204
    assert repository.git("branch", "--format=%(refname)") == "refs/heads/main\n"


def test_empty_repository_when_a_file_is_put_then_first_commit(emulators: Emulators) -> None:
    empty = create_repository(emulators, auto_init=False)
    calls = [
        ("GET", "/git/ref/heads/main", None),
        ("GET", "/git/trees/main", None),
        ("POST", "/git/blobs", {"content": "x"}),
        ("POST", "/git/trees", {"tree": [entry("a", "x")]}),
        ("POST", "/git/refs", {"ref": "refs/heads/main", "sha": "0" * 40}),
        ("GET", "/commits", None),
    ]

    refused = [empty.request(method, path, json=body) for method, path, body in calls]
    contents = empty.request("GET", "/contents/a")
    branches = empty.get("/branches")
    put = empty.request("PUT", "/contents/docs/a.txt", json={"message": "First", "content": "SGVsbG8="})

    assert {(answer.status_code, answer.json()["message"]) for answer in refused} == {(409, "Git Repository is empty.")}
    assert (contents.status_code, contents.json()["message"]) == (404, "This repository is empty.")
    assert branches == []
    assert (put.status_code, put.json()["commit"]["parents"]) == (201, [])
    assert empty.tip() == put.json()["commit"]["sha"]
    assert empty.git("show", "main:docs/a.txt") == "Hello"


def test_file_when_put_again_then_its_sha_is_required(repository: GitHubRepository) -> None:
    old = repository.get("/contents/README.md")
    change = {"message": "Again", "content": "QQ=="}

    without = repository.request("PUT", "/contents/README.md", json=change)
    wrong = repository.request("PUT", "/contents/README.md", json={**change, "sha": "0" * 40})
    right = repository.request("PUT", "/contents/README.md", json={**change, "sha": old["sha"]})
    gone = repository.request(
        "DELETE", "/contents/README.md", json={"message": "Gone", "sha": right.json()["content"]["sha"]}
    )

    assert base64.b64decode(old["content"]).startswith(b"# test-")
    assert (without.status_code, without.json()["message"]) == (422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    assert (wrong.status_code, wrong.json()["message"]) == (409, f"README.md does not match {'0' * 40}")
    assert (right.status_code, gone.status_code) == (200, 200)
    assert repository.git("log", "--format=%s", "main") == "Gone\nAgain\nInitial commit\n"


def test_file_when_put_below_a_file_then_it_replaces_the_file(repository: GitHubRepository) -> None:
    repository.send("PUT", "/contents/README.md/below", message="Below", content="QQ==")

    assert repository.git("ls-tree", "-r", "--name-only", "main") == "README.md/below\n"


def test_state_when_its_folder_is_given_then_a_restart_keeps_it(tmp_path: Path) -> None:
    with start_emulators(state=tmp_path) as emulators:
        first = create_repository(emulators, private=True)
        tip = first.tip()
    with start_emulators(state=tmp_path) as emulators:
        again = repository_of(emulators, first.full_name)

        assert again.path == first.path == tmp_path / "github" / f"{first.full_name}.git"
        assert (again.tip(), again.get("")["private"]) == (tip, True)


def test_state_when_no_folder_is_given_then_deleted_at_the_end() -> None:
    with start_emulators() as emulators:
        folder = emulators.state
        assert (folder / "github/demo/hello-worker.git/HEAD").exists()

    assert not folder.exists()


def test_repository_when_deleted_then_404(repository: GitHubRepository) -> None:
    assert repository.request("DELETE", "").status_code == 204
    assert not repository.path.exists()
    assert repository.request("GET", "").status_code == 404


def test_repository_when_of_an_organization_then_in_its_folder(emulators: Emulators) -> None:
    url = f"{emulators.url_of('github')}/orgs/acme/repos"
    headers = {"authorization": "token any", "user-agent": "tests"}
    first, second, invalid = (
        httpx2.post(url, headers=headers, json={"name": name}) for name in ("tools", "tools", "../tools")
    )

    assert (first.status_code, first.json()["full_name"]) == (201, "acme/tools")
    assert emulators.repository("acme/tools").is_dir()
    assert (second.status_code, second.json()["errors"][0]["message"]) == (422, "name already exists on this account")
    assert invalid.status_code == 422
