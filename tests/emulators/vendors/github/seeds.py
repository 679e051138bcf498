"""The repositories of a new emulator: `demo/hello-worker`, a small Worker, and the empty `demo/empty`.

The first commit has the same id on every machine.
"""

from dulwich.objects import Commit, ObjectID

from .store import Change, Repository, Store

_SECONDS = 1_767_225_600  # 2026-01-01T00:00:00Z
_SEEDER = b"Demo <demo@users.noreply.github.example>"
_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415478da63f85021070003e20187610902"
    "7f0000000049454e44ae426082"
)
_FILES: dict[str, tuple[int, bytes]] = {
    ".github/workflows/test.yml": (
        0o100644,
        b"name: test\non: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: npm test\n",
    ),
    "README.md": (0o100644, b"# hello-worker\n\nA Worker that greets. `scripts/check.sh` checks it.\n"),
    "docs/logo.png": (0o100644, _PIXEL),
    "package.json": (0o100644, b'{\n  "name": "hello-worker",\n  "type": "module",\n  "private": true\n}\n'),
    "scripts/check.sh": (0o100755, b"#!/bin/sh\nset -eu\nnode --check src/index.js\n"),
    "src/greeting.js": (0o100644, b"export function greet(name) {\n  return `Hello, ${name}!`;\n}\n"),
    "src/index.js": (
        0o100644,
        b'import { greet } from "./greeting.js";\n\nexport default {\n  async fetch(request) {\n'
        b'    const name = new URL(request.url).searchParams.get("name") ?? "world";\n'
        b"    return new Response(greet(name));\n  },\n};\n",
    ),
}


def create_seeds(store: Store) -> None:
    """Create the two repositories unless they exist from an earlier run."""
    for name in ("hello-worker", "empty"):
        if store.exists("demo", name):
            continue
        store.create("demo", name, description="Emulated")
        if name == "hello-worker":
            with store.open("demo", name) as repository:
                _commit_files(repository)


def _commit_files(repository: Repository) -> None:
    changes = [Change(path.encode(), mode, repository.add_blob(content)) for path, (mode, content) in _FILES.items()]
    commit = Commit()
    commit.tree = repository.change_tree(None, changes)
    commit.author = commit.committer = _SEEDER
    commit.author_time = commit.commit_time = _SECONDS
    commit.author_timezone = commit.commit_timezone = 0
    commit.message = b"Greet\n"
    repository.create_ref("refs/heads/main", ObjectID(repository.add(commit)))
