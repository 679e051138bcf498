"""What bounds the work of `POST /execute`: the sizes of a workspace, the checks, requests that cannot be sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients.repositories import create_repository, entry
from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.sandbox import call, execute, files_of, handler, play, tool_results, tools_of, use
from tests.workers.shapes import error_of

JSON = dict[str, Any]


def test_file_that_is_too_large_is_neither_read_nor_written(platform: Platform, emulators: Emulators) -> None:
    repo = create_repository(emulators)
    head = repo.commit(
        entry("large.txt", "a" + "x" * 200_000), entry("full.txt", "a" + "x" * 199_999), parent=repo.tip()
    )
    repo.send("PATCH", "/git/refs/heads/main", sha=head)

    body = execute(
        platform,
        play(
            [
                ["read_file", {"path": "large.txt"}],
                ["edit_file", {"path": "large.txt", "old": "a", "new": ""}],
                ["edit_file", {"path": "full.txt", "old": "a", "new": "ab"}],
                ["edit_file", {"path": "full.txt", "old": "a", "new": "b"}],
            ]
        ),
        repo=repo.full_name,
    )

    steps = body["result"]["steps"]
    assert [step["ok"] for step in steps] == [False, False, False, True]
    assert all("200001 bytes; only files of up to 200000" in step["output"] for step in steps[:2])
    assert "A file may have 200000 characters" in steps[2]["output"]
    assert files_of(body) == {"full.txt": "b" + "x" * 199_999}


def test_files_that_are_too_large_together_are_refused(platform: Platform, emulators: Emulators) -> None:
    repo = create_repository(emulators)
    text = "a" + "x" * 189_999
    head = repo.commit(*(entry(f"{number}.txt", text) for number in range(11)), parent=repo.tip())
    repo.send("PATCH", "/git/refs/heads/main", sha=head)

    body = execute(
        platform,
        play([["edit_file", {"path": f"{number}.txt", "old": "a", "new": "b"}] for number in range(11)]),
        repo=repo.full_name,
    )

    steps = body["result"]["steps"]
    assert [step["ok"] for step in steps] == [True] * 5 + [False] * 6
    assert all("All changed files together may have 1000000 bytes" in step["output"] for step in steps[5:10])
    assert "No more files can be read: 2000000 bytes" in steps[10]["output"]
    assert files_of(body).keys() == {f"{number}.txt" for number in range(5)}
    (row,) = platform.rows("executions", request_id=body["request_id"])
    assert json.loads(row["answer"])["result"]["files"] == body["result"]["files"]


def test_too_many_files_are_neither_written_nor_run(platform: Platform, emulators: Emulators) -> None:
    repo = create_repository(emulators)
    texts = [f"src/{number}.txt" for number in range(199)]
    imports = "".join(f'import "/{path}";'.replace("/src", ".") for path in texts) + 'import "../README.md";'
    main = {"path": "src/index.js", "content": imports + handler("")}
    writes = [["write_file", {"path": path, "content": "x"}] for path in texts]
    turns = [writes[first : first + 32] for first in range(0, len(writes), 32)]
    last = [
        ["write_file", main],
        ["write_file", {"path": "one-more.txt", "content": "x"}],
        ["run", {"requests": [{}]}],
        ["delete_file", {"path": "src/index.js"}],
    ]

    steps = execute(platform, play(*turns, last), repo=repo.full_name)["result"]["steps"]

    refused = [step for step in steps if not step["ok"]]
    assert [step["tool"] for step in refused] == ["write_file", "run"]
    assert "No more than 200 files can be changed" in refused[0]["output"]
    assert "more than 200 modules" in refused[1]["output"]


def test_tools_beyond_the_limit_of_a_turn_are_not_used(platform: Platform) -> None:
    steps = use(platform, *[["list_files", {}]] * 33)

    assert [step["ok"] for step in steps] == [True] * 32 + [False]
    assert "Only 32 tools can be used" in steps[-1]["output"]


def test_long_step_is_cut_for_the_caller_only(platform: Platform, emulators: Emulators) -> None:
    text = "".join(f"{number}\n" for number in range(400))

    _, read = use(platform, ["write_file", {"path": "a.txt", "content": text}], ["read_file", {"path": "a.txt"}])

    assert read["output"] == text[:600] + "…"
    assert tool_results(emulators)[1] == text


def test_check_names_each_wrong_file_with_its_line(platform: Platform, emulators: Emulators) -> None:
    files = {
        "bad.py": "x = 1\ndef f(:\n    pass\n",
        "bad.json": '{\n  "a": 1,\n}\n',
        "bad.toml": 'a = 1\nb = "\n',
        "bad.js": "const a = 1;\nconst a = 2;\n",
        "bad.mjs": "\n\nexport default {",
        "good.py": "async def f(): return [x async for x in y]\n",
        "good.json": "[]",
        "good.toml": "",
        "good.js": "import x from './nowhere.js';\nthrow new Error('never run');\n",
        "README.md": "# {[(",
        "types.ts": "const x: = ;",
    }
    writes = [["write_file", {"path": path, "content": text}] for path, text in files.items()]
    deletions = [["delete_file", {"path": path}] for path in files]

    use(platform, *writes, ["check", {}], *deletions)

    trial = json.loads(tool_results(emulators)[len(files)])
    assert trial["passed"] is False
    assert sorted(problem.split(" ")[0] for problem in trial["problems"]) == [
        "bad.js:2:",
        "bad.json:3:",
        "bad.mjs:3:",
        "bad.py:2:",
        "bad.toml:2:",
    ]
    assert trial["unchecked"] == ["README.md", "types.ts"]


def test_finish_with_a_wrong_file_returns_to_the_model(platform: Platform) -> None:
    broken, right = ({"path": "a.json", "content": text} for text in ("{", "{}"))

    body = execute(
        platform,
        play(
            [["write_file", broken]],
            [["finish", {"summary": "Too early"}]],
            [["write_file", right]],
            [["finish", {"summary": "Mended"}]],
        ),
    )

    assert tools_of(body) == [("write_file", True), ("finish", False), ("write_file", True), ("finish", True)]
    assert "a.json:1: invalid JSON" in body["result"]["steps"][1]["output"]
    assert (body["result"]["output"], body["result"]["metadata"]["repairs"]) == ("Mended", 1)
    assert files_of(body) == {"a.json": "{}"}
    (row,) = platform.rows("executions", request_id=body["request_id"])
    stored = json.loads(row["answer"])
    assert (stored["execution_id"], stored["result"]) == (body["execution_id"], body["result"])


@pytest.mark.parametrize(
    "request_", [{"method": "GET", "body": "x"}, {"method": "HEAD", "body": "x"}, {"headers": {"no header": "x"}}]
)
def test_requests_when_no_worker_could_get_them_then_400(
    platform: Platform, emulators: Emulators, request_: JSON
) -> None:
    answer = call(platform, "/execute", {"task": "Write a greeter", "requests": [request_]})

    error_of(answer, 400, "INVALID_REQUEST")
    assert emulators.requests("anthropic") == []
