"""What is said of generated files that nobody runs."""

import pytest

from sandbox_executor.checks import MAX_CHAIN, MAX_SOURCE_CHARACTERS, check_files


@pytest.mark.parametrize(
    ("path", "content", "problem"),
    [
        ("a.py", "x = 1\ndef f(:\n    pass\n", "a.py:2: SyntaxError: "),
        ("a.py", "if x:\npass\n", "a.py:2: IndentationError: "),
        ("a.py", "return 1\n", "a.py:1: SyntaxError: 'return' outside function"),
        ("a.py", "x = '\0'\n", "a.py"),
        ("a.py", "x = " + "(" * 300 + ")" * 300 + "\n", "a.py:1: SyntaxError: too many nested parentheses"),
        ("a.json", '{\n"a": }', "a.json:2: invalid JSON: "),
        ("a.json", "", "a.json:1: invalid JSON: "),
        ("a.json", "[" * 100_000, "a.json:1: invalid JSON: recursion limit exceeded"),
        ("a.toml", "a = 1\nb = =\n", "a.toml:2: invalid TOML: "),
        ("a.toml", "a = " + "[" * 100_000, "a.toml: invalid TOML: "),
    ],
)
def test_file_when_it_cannot_be_read_then_its_line_is_told(path: str, content: str, problem: str) -> None:
    problems, unchecked = check_files({path: content})

    assert len(problems) == 1
    assert str(problems[0]).startswith(problem)
    assert unchecked == []


def test_files_when_they_are_right_then_nothing_is_told() -> None:
    files = {
        "src/entry.py": "from workers import WorkerEntrypoint\n\nx = '\\d'\nassert (x, 'always true')\n",
        "package.json": '{"name": "x", "list": [1, 2.5, null]}',
        "wrangler.toml": 'name = "x"\n[[d1_databases]]\nbinding = "DB"\n',
        "long.py": "numbers = [\n" + "    (1, 'a'),\n" * 400 + "]\n",
    }

    assert check_files(files) == ([], [])


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("style.css", "a {"),
        ("LICENSE", ""),
        ("src/index.js", "const ="),
        ("data.json", b"\xff"),
        ("big.json", " " * (MAX_SOURCE_CHARACTERS + 1)),
        ("deep.py", "x = " + "1 + " * (MAX_CHAIN + 1) + "1"),
        ("deep.py", "x = a" + ".b" * (MAX_CHAIN + 1)),
        ("deep.py", "x = " + "not " * (MAX_CHAIN + 1) + "1"),
        ("deep.py", "if a:\n    pass\n" + "elif b:\n    pass\n" * (MAX_CHAIN + 1)),
        ("deep.toml", "a" + ".a" * (MAX_CHAIN + 1) + " = 1"),
    ],
)
def test_file_when_nobody_can_look_into_it_then_it_is_named(path: str, content: str | bytes) -> None:
    assert check_files({path: content}) == ([], [path])
