"""The tools of the model in `POST /execute`: what each takes and refuses, and what of a repository it gets to see."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients.repositories import GitHubRepository, create_repository, entry
from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.sandbox import execute, files_of, play, tool_results, tools_of, use

TOKEN = "ghp_" + "a1B2" * 9

WORKER = "export default { fetch: () => new Response('old') };\n"


@pytest.fixture
def repo(emulators: Emulators) -> GitHubRepository:
    """Return a new repository with all the kinds of files that a workspace distinguishes."""
    made = create_repository(emulators)
    pixels = made.send("POST", "/git/blobs", content="/9j/4A==", encoding="base64")["sha"]
    head = made.commit(
        entry("README.md", "# Title\n\nOne, two, one.\n"),
        entry("src/index.js", WORKER),
        entry("src/lib/words.txt", "words\n"),
        entry("srcs/other.txt", "other\n"),
        entry(".github/dependabot.yml", "version: 2\n"),
        entry(".env", "SECRET=planted-in-the-repository\n"),
        entry("with-token.txt", f"token = {TOKEN}\nuser = ada\n"),
        entry("link.txt", "README.md", mode="120000"),
        {"path": "pixels.jpg", "mode": "100644", "type": "blob", "sha": pixels},
        parent=made.tip(),
    )
    made.send("PATCH", "/git/refs/heads/main", sha=head)
    return made


def test_input_that_breaks_the_schema_names_the_field(platform: Platform) -> None:
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("list_files", {"folder": 5}, "folder: Input should be a valid string"),
        ("read_file", {}, "path: Field required"),
        ("read_file", {"path": ["README.md"]}, "path: Input should be a valid string"),
        ("write_file", {"path": "a.txt"}, "content: Field required"),
        ("write_file", {"path": "a.txt", "content": {"a": 1}}, "content: Input should be a valid string"),
        ("write_file", {}, "path: Field required; content: Field required"),
        ("edit_file", {"path": "a.txt", "old": "x"}, "new: Field required"),
        ("edit_file", {"path": "a.txt", "old": None, "new": "x"}, "old: Input should be a valid string"),
        ("delete_file", {}, "path: Field required"),
        ("run", {}, "requests: Field required"),
        ("run", {"requests": []}, "requests: List should have at least 1 item"),
        ("run", {"requests": [{}] * 11}, "requests: List should have at most 10 items"),
        ("run", {"requests": "GET /"}, "requests: Input should be a valid array"),
        ("run", {"requests": [{"path": "no-slash"}]}, "requests.0.path: String should match pattern"),
        ("run", {"requests": [{"method": "TRACE"}]}, "requests.0.method: Input should be 'GET'"),
        ("run", {"requests": [{}], "main": 1}, "main: Input should be a valid string"),
        ("finish", {}, "summary: Field required"),
        ("finish", {"summary": 5}, "summary: Input should be a valid string"),
    ]

    steps = use(platform, *([name, given] for name, given, _ in cases))

    assert [step["ok"] for step in steps] == [False] * len(cases)
    for step, (_, _, text) in zip(steps, cases, strict=True):
        assert f"The input does not match the tool's schema: {text}" in step["output"]


def test_input_when_it_has_more_members_then_they_do_not_matter(platform: Platform) -> None:
    steps = use(
        platform,
        ["write_file", {"path": "a.txt", "content": "a", "mode": "0755"}],
        ["check", {"deep": True}],
        ["list_files", {"folder": None, "recursive": True}],
    )

    assert [step["ok"] for step in steps] == [True, True, True]
    assert steps[2]["output"] == "a.txt"


def test_list_when_it_names_a_folder_then_what_is_in_it(platform: Platform, repo: GitHubRepository) -> None:
    source, everything = ["src/index.js", "src/lib/words.txt"], 7
    expected = {"src": source, "src/": source, "/src": source, "./src": source, "src/lib": ["src/lib/words.txt"]}
    expected |= {".github": [".github/dependabot.yml"], "src/index.js": [], "sr": [], "nowhere": []}

    whole = ["", ".", "/", "./"]
    steps = use(platform, *(["list_files", {"folder": folder}] for folder in [*expected, *whole]), repo=repo.full_name)

    listed = [step["output"].splitlines() for step in steps]
    assert dict(zip(expected, listed, strict=False)) == expected
    assert [len(paths) for paths in listed[len(expected) :]] == [everything] * len(whole)


def test_list_when_it_is_long_then_it_is_cut_and_says_so(platform: Platform, emulators: Emulators) -> None:
    large = create_repository(emulators)
    head = large.commit(*(entry(f"d/{number:04}", "x") for number in range(1010)), parent=large.tip())
    large.send("PATCH", "/git/refs/heads/main", sha=head)

    use(platform, ["list_files", {}], ["list_files", {"folder": "d"}], repo=large.full_name)

    for text, left in zip(tool_results(emulators), (11, 10), strict=True):
        assert len(text.splitlines()) == 1001
        assert text.endswith(f"\n({left} more; name a folder)")


def test_read_of_a_file_that_cannot_be_shown_says_why(platform: Platform, repo: GitHubRepository) -> None:
    cases = {
        "nowhere.txt": "There is no file `nowhere.txt`",
        "src": "There is no file `src`",
        "../README.md": "There is no file `../README.md`",
        "link.txt": "There is no file `link.txt`",
        ".env": "There is no file `.env`, or it may not be read",
        "pixels.jpg": "`pixels.jpg` is not UTF-8 text",
    }

    steps = use(platform, *(["read_file", {"path": path}] for path in cases), repo=repo.full_name)

    for step, (path, text) in zip(steps, cases.items(), strict=True):
        assert (step["ok"], step["target"]) == (False, path)
        assert text in step["output"]


def test_edit_needs_a_text_that_appears_exactly_once(platform: Platform, repo: GitHubRepository) -> None:
    cases = [
        ("README.md", "three", "`old` was not found in `README.md`"),
        ("README.md", "One,  two", "was not found"),
        ("README.md", "ne", "`old` appears 2 times in `README.md`"),
        ("README.md", "", "`old` is empty"),
        ("nowhere.txt", "x", "There is no file `nowhere.txt`"),
        ("pixels.jpg", "x", "is not UTF-8 text"),
        (".env", "SECRET", "is a place for secrets"),
        ("link.txt", "README", "link.txt"),
    ]

    body = execute(
        platform,
        play([["edit_file", {"path": path, "old": old, "new": "new"}] for path, old, _ in cases]),
        repo=repo.full_name,
    )

    for step, (_, _, text) in zip(body["result"]["steps"], cases, strict=True):
        assert (step["ok"], text in step["output"]) == (False, True), step
    assert body["result"]["files"] == []
    assert body["result"]["metadata"]["ended_by"] == "answered"


@pytest.mark.parametrize("tool", ["write_file", "edit_file", "delete_file"])
def test_path_when_it_may_not_be_changed_then_each_tool_refuses(
    platform: Platform, repo: GitHubRepository, tool: str
) -> None:
    cases = {
        ".env": "is a place for secrets",
        "deep/.env.production": "is a place for secrets",
        ".dev.vars": "is a place for secrets",
        ".npmrc": "is a place for secrets",
        "certificates/server.PEM": "is a place for secrets",
        "id_ed25519": "is a place for secrets",
        ".git/hooks/pre-commit": "must not be in `.git`",
        "a/../b.txt": "must not have empty parts, `.` or `..`",
        "/etc/passwd": "must be relative",
        "C:/x": "must be relative",
        "a\\b": "must not contain control characters or backslashes",
        "": "must have 1 to 1024 characters",
        "x" * 1025: "must have 1 to 1024 characters",
        ".github/workflows/ci.yml": "may not be changed here",
        ".GitHub/Workflows/ci.yml": "may not be changed here",
        "README.md/more.txt": "cannot be both a file and a folder",
        "src": "cannot be both a file and a folder",
    }
    members = {"content": "x", "old": "x", "new": "y"}

    body = execute(
        platform, play([[tool, {"path": path, **members}] for path in cases]), repo=repo.full_name, commit=True
    )

    for step, text in zip(body["result"]["steps"], cases.values(), strict=True):
        assert (step["ok"], text in step["output"]) == (False, True), step
    assert (body["result"]["files"], body["result"]["deleted_files"]) == ([], [])
    assert body["commit"]["error_code"] == "NOTHING_TO_COMMIT"


def test_example_of_a_secret_file_is_an_ordinary_file(platform: Platform) -> None:
    (step,) = use(platform, ["write_file", {"path": ".env.example", "content": "KEY=\n"}])

    assert step["ok"] is True


def test_symlink_when_written_to_then_refused(platform: Platform, repo: GitHubRepository) -> None:
    body = execute(
        platform,
        play([["write_file", {"path": "link.txt", "content": "/etc/passwd"}], ["delete_file", {"path": "link.txt"}]]),
        repo=repo.full_name,
        commit=True,
    )

    assert tools_of(body) == [("write_file", False), ("delete_file", False)]
    assert repo.git("cat-file", "-p", "main:link.txt") == "README.md"


def test_file_that_is_changed_back_is_unchanged(platform: Platform, repo: GitHubRepository) -> None:
    body = execute(
        platform,
        play(
            [
                ["read_file", {"path": "README.md"}],
                ["write_file", {"path": "README.md", "content": "new"}],
                ["write_file", {"path": "README.md", "content": "# Title\n\nOne, two, one.\n"}],
                ["edit_file", {"path": "srcs/other.txt", "old": "other", "new": "others"}],
                ["edit_file", {"path": "srcs/other.txt", "old": "others", "new": "other"}],
                ["write_file", {"path": "new.txt", "content": "new"}],
                ["delete_file", {"path": "new.txt"}],
            ],
            [["finish", {"summary": "As it was"}]],
        ),
        repo=repo.full_name,
        commit=True,
    )

    assert all(ok for _, ok in tools_of(body))
    assert (body["result"]["files"], body["result"]["deleted_files"]) == ([], [])
    assert body["commit"]["error_code"] == "NOTHING_TO_COMMIT"


def test_deleted_file_is_gone_until_it_is_written_again(platform: Platform, repo: GitHubRepository) -> None:
    path = {"path": "src/lib/words.txt"}
    body = execute(
        platform,
        play(
            [
                ["delete_file", path],
                ["read_file", path],
                ["edit_file", {**path, "old": "words", "new": "x"}],
                ["delete_file", path],
                ["list_files", {"folder": "src"}],
                ["write_file", {**path, "content": "new words\n"}],
                ["read_file", path],
                ["delete_file", {"path": "README.md"}],
                ["write_file", {"path": "README.md/now-a-folder.txt", "content": "x"}],
            ]
        ),
        repo=repo.full_name,
        commit=True,
    )

    steps = body["result"]["steps"]
    assert [step["ok"] for step in steps] == [True, False, False, False, True, True, True, True, True]
    assert steps[4]["output"] == "src/index.js"
    assert steps[6]["output"] == "new words\n"
    assert files_of(body) == {"src/lib/words.txt": "new words\n", "README.md/now-a-folder.txt": "x"}
    assert body["result"]["deleted_files"] == ["README.md"]


def test_masked_credential_survives_an_edit_unseen(
    platform: Platform, emulators: Emulators, repo: GitHubRepository
) -> None:
    body = execute(
        platform,
        play(
            [["read_file", {"path": "with-token.txt"}]],
            [["write_file", {"path": "with-token.txt", "content": "token = ***\nuser = grace\n"}]],
            [["edit_file", {"path": "with-token.txt", "old": "user = ada", "new": "user = grace"}]],
            [["read_file", {"path": "with-token.txt"}]],
            [["finish", {"summary": "Grace it is"}]],
        ),
        repo=repo.full_name,
        commit=True,
    )

    assert tools_of(body) == [
        ("read_file", True),
        ("write_file", False),
        ("edit_file", True),
        ("read_file", True),
        ("finish", True),
    ]
    assert "change the file with edit_file" in body["result"]["steps"][1]["output"]
    assert body["result"]["steps"][3]["output"] == "token = ***\nuser = grace\n"
    assert repo.git("show", "main:with-token.txt") == f"token = {TOKEN}\nuser = grace\n"
    assert TOKEN not in json.dumps(emulators.requests("anthropic"))


def test_workflow_file_is_committed_if_allowed(platform: Platform, repo: GitHubRepository) -> None:
    workflow = {"path": ".github/workflows/ci.yml", "content": "on: push\njobs: {}\n"}

    body = execute(
        platform,
        play([["write_file", workflow]], [["finish", {"summary": "CI"}]]),
        worker="sandbox-executor-with-workflows",
        repo=repo.full_name,
        commit=True,
    )

    assert tools_of(body) == [("write_file", True), ("finish", True)]
    assert repo.git("show", f"main:{workflow['path']}") == workflow["content"]


def test_commit_to_a_truncated_tree_keeps_the_rest(platform: Platform, emulators: Emulators) -> None:
    huge = create_repository(emulators, prefix="huge")
    head = huge.commit(
        *(entry(f"{folder}/{name}", name) for folder in "abc" for name in ("one", "two")), parent=huge.tip()
    )
    huge.send("PATCH", "/git/refs/heads/main", sha=head)

    body = execute(
        platform,
        play([["edit_file", {"path": "a/one", "old": "one", "new": "1"}], ["read_file", {"path": "c/two"}]]),
        repo=huge.full_name,
        commit=True,
    )

    (first, *_), steps = emulators.requests("anthropic"), body["result"]["steps"]
    assert "too large to be listed completely" in json.dumps(first["body"]["messages"])
    assert [step["ok"] for step in steps] == [True, False]
    assert [huge.git("show", f"main:{path}") for path in ("a/one", "a/two", "c/two")] == ["1", "two", "two"]
