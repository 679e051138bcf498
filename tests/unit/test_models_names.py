"""Names and paths that end up in URLs and repositories."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_workers import find_workers
from sandbox_executor.names import (
    find_branch_problem,
    find_path_problem,
    find_repository_problem,
    find_worker_name_problem,
    is_allowed_repository,
    is_allowed_worker_name,
    is_workflow_path,
)

REPOSITORIES = ["octo/hello", "o/r", "Octo-Cat/Hello.World_2", "user_company/x", "o/...", "a" * 39 + "/" + "b" * 100]
NO_REPOSITORIES = [
    "", "octo", "/hello", "octo/", "octo/hello/more", "octo/.", "octo/..", "../hello", "octo/hello.git", "octo/x.GIT",
    "-octo/hello", "octo-/hello", "octo/he llo", "octo/hello\n", "octo/hello?x", "octo/hello#", "octo%2Fhello",
    "öcto/hello", "a" * 40 + "/x", "o/" + "b" * 101, "https://github.com/octo/hello", "octo\\hello",
]  # fmt: skip

BRANCHES = ["main", "feature/a-b_c.d", "v1.0", "a@b", "c++", "1", "_x", "a" * 244, "dependabot/npm/x-1.2.3"]
NO_BRANCHES = [
    "", "HEAD", "-x", "/x", "x/", ".x", "x.", "a..b", "a//b", "a/.b", "a.lock", "a.lock/b", "a@{b", "@", "a b", "a\n",
    "a~1", "a^", "a:b", "a?b", "a*", "a[b", "a\\b", "ä", "a%2Fb", "../x", "a/../b", "a" * 245, "a\x00",
]  # fmt: skip

PATHS = [
    "a",
    "src/index.js",
    ".github/dependabot.yml",
    ".gitignore",
    "a b/ü.txt",
    "...",
    "a..b",
    "git/x",
    ".gitx/y",
    "a~1",
]
NO_PATHS = [
    "", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a/.", "../../etc/passwd", ".git", ".git/config", "a/.git/x",
    ".GIT/x", ".Git ", ".git./x", "git~1/config", "GIT~2", ".git:x", ".git::$INDEX_ALLOCATION/x", ".g\u200cit/config",
    "a\x00b", "a\nb", "a\x7f", "a\x9fb", "C:/x", "c:x", "a\\b", "..\\x", "a\u202eb", "a\u2028b", "\ufeffa", "x" * 1025,
]  # fmt: skip


@pytest.mark.parametrize("name", REPOSITORIES)
def test_repository_when_github_has_such_names_then_fine(name: str) -> None:
    assert find_repository_problem(name) is None


@pytest.mark.parametrize("name", NO_REPOSITORIES)
def test_repository_when_it_is_no_name_then_its_format_is_told(name: str) -> None:
    assert find_repository_problem(name) == "must be in owner/repo format"


@pytest.mark.parametrize("name", BRANCHES)
def test_branch_when_git_takes_it_then_fine(name: str) -> None:
    assert find_branch_problem(name) is None


@pytest.mark.parametrize("name", NO_BRANCHES)
def test_branch_that_git_refuses_or_is_unusual_is_a_problem(name: str) -> None:
    assert (find_branch_problem(name) or "").startswith("must be the name of a branch")


@pytest.mark.parametrize("path", PATHS)
def test_path_when_inside_then_fine(path: str) -> None:
    assert find_path_problem(path) is None


@pytest.mark.parametrize("path", NO_PATHS)
def test_path_outside_or_in_gits_folder_is_a_problem(path: str) -> None:
    assert (find_path_problem(path) or "").startswith("must ")


@given(st.text(alphabet=string.printable + "äß\u200b\u202e\ufeff", max_size=40))
def test_any_accepted_path_stays_inside(path: str) -> None:
    if find_path_problem(path) is None:
        parts = path.split("/")
        assert all(part not in {"", ".", ".."} and part.rstrip(" .").lower() != ".git" for part in parts)
        assert path.isprintable() and "\\" not in path


@given(st.text(alphabet=string.ascii_letters + string.digits + "._/@{}+-^~:?*[\\ \n", max_size=30))
def test_any_accepted_branch_is_accepted_by_git(name: str) -> None:
    if find_branch_problem(name) is None:  # the rules of git-check-ref-format(1)
        assert not any(part.startswith(".") or part.endswith(".lock") or not part for part in name.split("/"))
        assert not any(sign in name for sign in ("..", "@{", *" ~^:?*[\\\n"))
        assert not name.endswith(".")
        assert name != "@"


@given(st.text(alphabet=string.printable, max_size=30))
def test_any_accepted_worker_name_is_a_dns_label(name: str) -> None:
    if find_worker_name_problem(name) is None:
        assert 1 <= len(name) <= 63
        assert set(name) <= set(string.ascii_lowercase + string.digits + "-")
        assert name == name.strip("-")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".github/workflows/ci.yml", True),
        (".github/workflows", True),
        (".GitHub/Workflows/ci.yml", True),
        (".github/workflows.md", False),
        ("docs/.github/workflows/ci.yml", False),
        (".github/dependabot.yml", False),
    ],
)
def test_workflow_path_when_github_would_run_it_then_true(path: str, expected: bool) -> None:
    assert is_workflow_path(path) is expected


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ("", False),
        (" , ", False),
        ("*", True),
        ("octo/hello", True),
        ("OCTO/Hello", True),
        ("other/x, octo/*", True),
        ("octo/hell", False),
        ("oct/*", False),
        ("octo", False),
        ("*/hello", False),
        ("octo/hello2", False),
    ],
)
def test_repository_when_a_list_has_it_then_allowed(allowed: str, expected: bool) -> None:
    assert is_allowed_repository("octo/hello", allowed) is expected


@pytest.mark.parametrize(
    ("allowed", "expected"), [("", False), ("*", True), ("team-", True), ("x, te", True), ("eam", False), ("T", False)]
)
def test_worker_name_when_a_list_has_its_beginning_then_allowed(allowed: str, expected: bool) -> None:
    assert is_allowed_worker_name("team-api", allowed) is expected


@pytest.mark.parametrize("name", [worker.name for worker in find_workers()])
def test_name_of_the_platforms_own_worker_is_never_allowed(name: str) -> None:
    assert find_worker_name_problem(name) is None
    assert not is_allowed_worker_name(name, "*")
