"""The table of commits."""

from electrons.app import App
from electrons.context import Context, Labels, Principal
from electrons.settings import Secret, Settings
from electrons.testing import MemoryDatabase, TestClient
from sandbox_executor.storage.commits import Commits


def create_context() -> Context:
    settings = Settings(declared={"GITHUB_PAT": Secret("planted-token-1")})
    context = TestClient(App("worker"), settings=settings).create_context("POST", "/")
    context.request_id = "request-1"
    context.principal = Principal(id="key-1", key_id="key-1")
    context.labels = Labels(instance_id="instance-1", project_id="project-1")
    return context


async def test_begin_when_asked_then_who_and_what() -> None:
    database = MemoryDatabase()

    commit_id = await Commits(database).insert(
        create_context(), repo="octo/hello", branch="main", message="\nAdd planted-token-1\n\nand more", path_count=3
    )

    (row,) = await database.query("SELECT * FROM commits")
    assert row["created_at"] == row["updated_at"]
    assert {name: value for name, value in row.items() if value is not None and not name.endswith("_at")} == {
        "id": commit_id,
        "request_id": "request-1",
        "key_id": "key-1",
        "instance_id": "instance-1",
        "project_id": "project-1",
        "repo": "octo/hello",
        "branch": "main",
        "message": "Add ***",
        "path_count": 3,
    }


async def test_finish_when_done_then_the_result_of_that_row_alone() -> None:
    database = MemoryDatabase()
    commits = Commits(database)
    first, second, _ = [
        await commits.insert(create_context(), repo="o/r", branch="main", message="x", path_count=1) for _ in range(3)
    ]

    await commits.finish(first, sha="a" * 40, pr_url="https://github.example/1")
    await commits.finish(second, error="token ghp_0123456789abcdef refused", error_code="COMMIT_FAILED")

    rows = await database.query("SELECT sha, pr_url, error, error_code FROM commits ORDER BY rowid")
    assert [tuple(row.values()) for row in rows] == [
        ("a" * 40, "https://github.example/1", None, None),
        (None, None, "token *** refused", "COMMIT_FAILED"),
        (None, None, None, None),
    ]
