"""`npm run new -- worker NAME` and `npm run new -- provider NAME`: add a small working one, with its tests.

A worker gets its folder in `workers/`, a test, and a row in README.md. A provider is a vendor that speaks OpenAI's
chat completions; it gets its class, its test table, its emulator with a test, a row in the price list, and what
`npm run docs` writes. The files come from `scripts/templates`; nothing that exists is overwritten.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import keyword
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlsplit

import check_config
import ports
import setup
from platform_workers import find_scopes, find_workers

TEMPLATES = Path(__file__).with_name("templates")
SUFFIX = ".template"
ENVIRONMENTS = ("staging", "production")
LONGEST_NAME = 40
"""Characters: with the suffix of an environment, Cloudflare's limit of 63 for the part of a domain is far."""

_WORKER_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_PROVIDER_NAME = re.compile(r"[a-z][a-z0-9]*")


class RefusedError(Exception):
    """Why the thing cannot be made, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Insertion:
    """A text that is added to a file, right after the one place that `pattern` matches."""

    path: Path
    pattern: str
    text: str

    def render(self) -> str:
        """Return the whole file with the text in it. Raises `RefusedError` without exactly one place."""
        content = self.path.read_text(encoding="utf-8")
        places = [match.end() for match in re.finditer(self.pattern, content, re.MULTILINE | re.DOTALL)]
        if len(places) != 1:
            raise RefusedError(f"{self.path} has {len(places)} places for the new row; it should have one")
        return content[: places[0]] + self.text + content[places[0] :]


def main() -> int:
    """Run this file with the project's own Python, which can import the package and its tools."""
    return setup.run_with_packages(__file__, "--run", *sys.argv[1:])


def run(arguments: Sequence[str], root: Path = setup.ROOT) -> int:
    """Make what the arguments name; return the exit status."""
    options = build_parser().parse_args(arguments)
    try:
        if options.kind == "worker":
            make_worker(options.name, root)
        else:
            make_provider(options, root)
    except RefusedError as error:
        print(f"new: {error}", file=sys.stderr)
        return 1
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="npm run new --", description="Add a worker or a provider that works.")
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="worker|provider")
    worker = kinds.add_parser("worker", help="a folder in workers/ with one route, a test and a README")
    worker.add_argument("name", help="lower-case words with hyphens, e.g. `video-gen`")
    provider = kinds.add_parser("provider", help="a text provider that speaks OpenAI's chat completions")
    provider.add_argument("name", help="one lower-case word, e.g. `acme`; callers write it before the model's name")
    provider.add_argument("--title", help="the vendor's name as people write it")
    provider.add_argument("--base-url", help="where `/chat/completions` is, e.g. https://api.acme.com/v1")
    provider.add_argument("--model", help="one of its models, for the tests, the emulator and the price list")
    provider.add_argument(
        "--price", nargs=2, type=float, metavar=("IN", "OUT"), help="US dollars for a million tokens of that model"
    )
    return parser


def make_worker(name: str, root: Path) -> None:
    """Add a worker. Raises `RefusedError`."""
    check_worker_name(name, root)
    shared = tomllib.loads((root / "wrangler" / "shared.toml").read_text(encoding="utf-8"))
    port = ports.assign_ports({**ports.load_configs(root), name: {}})[name]
    values = {
        "name": name,
        "package": name.replace("-", "_"),
        "title": name.replace("-", " ").capitalize(),
        "url": f"http://127.0.0.1:{port}",
        "sdk_version": find_sdk_version(root),
        **render_shared_config(shared),
    }
    row = f"| [`{name}`](workers/{name}) | says hello to somebody |\n"
    insertion = Insertion(path=root / "README.md", pattern=r"^(?=\| \[`rate-limiter`\])", text=row)
    written = write("worker", values, [insertion], root)
    report(written, root)
    print(f"`npm start` runs it, and `npm test -- tests/unit/test_{values['package']}.py` tests it. What it does:")
    print(f"  workers/{name}/src/{values['package']}/routes.py")


def make_provider(options: argparse.Namespace, root: Path) -> None:
    """Add a provider. Raises `RefusedError`."""
    name = options.name
    check_provider_name(name, root)
    base_url = check_base_url(options.base_url or f"https://api.{name}.com/v1")
    model = options.model or f"{name}-1"
    if not re.fullmatch(r"[\w./:@-]{1,200}", model):
        raise RefusedError(f"--model {model!r} is not the name of a model")
    price = options.price or [1.0, 2.0]
    if not 0.01 <= price[0] < price[1] <= 200:
        raise RefusedError("--price takes US dollars for a million tokens, input before output: 0.01 to 200, rising")
    values = {
        "name": name,
        "title": options.title or name.capitalize(),
        "class_name": name.capitalize(),
        "base_url": base_url,
        "base_path": urlsplit(base_url).path,
        "model": model,
    }
    if not re.fullmatch(r"[\w .&+-]{1,60}", values["title"]):
        raise RefusedError(f"--title {values['title']!r} is not a vendor's name")
    source = base_url if options.price else "an example, not the vendor's price"
    prices = f"    # {source}\n    {json.dumps(f'{name}:{model}')}: Price({price[0]:g}, {price[1]:g}),\n"
    emulator = f"| `{name}` | `http://127.0.0.1:{ports.EMULATORS}/{name}{values['base_path']}` | "
    emulator += "`POST /chat/completions`, `GET /models`, `/models/{id}` |\n"
    insertions = [
        Insertion(
            path=root / "shared" / "electrons" / "upstream" / "price_list.py",
            pattern=r"^FROM_PAGES\b.*?\n(?=\}\n)",
            text=prices,
        ),
        Insertion(
            path=root / "tests" / "emulators" / "README.md",
            pattern=r"(?:^\| `\w+` *\| `http://127\.0\.0\.1:\d+/[^\n]*\n)+",
            text=emulator,
        ),
    ]
    written = write("provider", values, insertions, root)
    subprocess.run([setup.PYTHON, "scripts/docs.py", "--write"], cwd=root, check=True)
    report(written, root)
    upper = name.upper()
    print(f"text-gen answers with it: {json.dumps({'model': f'{name}:{model}', 'prompt': 'Hello'})}")
    print(f"`npm start` emulates it until `.dev.vars` has {upper}_API_KEY; `npm test -- -k {name}` tests it.")
    invented = [
        f"--{option.replace('_', '-')}" for option in ("base_url", "model", "price") if not vars(options)[option]
    ]
    if invented:
        print(f"Examples, because {', '.join(invented)} was not given: correct them in the files above.")


def check_worker_name(name: str, root: Path) -> None:
    """Raise `RefusedError` if a worker cannot have that name."""
    if not _WORKER_NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise RefusedError(
            f"{name!r} cannot be a worker's name: lower-case words and digits with hyphens between them, "
            f"{LONGEST_NAME} characters at most, e.g. `video-gen`"
        )
    if name in {worker.name for worker in find_workers(root)}:
        raise RefusedError(f"there is a worker {name} already: workers/{name}")
    if name in find_scopes(root):
        raise RefusedError(f"{name} is a scope of API keys already; choose another name")
    if name.endswith(tuple(f"-{environment}" for environment in ENVIRONMENTS)):
        raise RefusedError(
            f"{name} ends like a worker of an environment ({', '.join(ENVIRONMENTS)}); choose another name"
        )
    package = name.replace("-", "_")
    if keyword.iskeyword(package) or (root / package).exists() or importlib.util.find_spec(package):
        raise RefusedError(
            f"{name} would have the package `{package}`, but there is another of that name; choose another name"
        )


def check_provider_name(name: str, root: Path) -> None:
    """Raise `RefusedError` if a provider cannot have that name."""
    # Only the project's own Python has what these import.
    from electrons.providers.openai.compatible import BUILT_IN  # noqa: PLC0415
    from electrons.registry import find_providers  # noqa: PLC0415
    from electrons.settings import Settings  # noqa: PLC0415
    from electrons.upstream.provider import Provider  # noqa: PLC0415

    if not _PROVIDER_NAME.fullmatch(name) or len(name) > LONGEST_NAME or keyword.iskeyword(name):
        raise RefusedError(
            f"{name!r} cannot be a provider's name: one word of lower-case letters and digits, "
            f"{LONGEST_NAME} characters at most, e.g. `acme`"
        )
    providers = find_providers(Provider)
    if name in {provider.name for provider in providers} or (root / "shared/electrons/providers" / name).exists():
        raise RefusedError(f"there is a provider {name} already: shared/electrons/providers/{name}")
    if name in {endpoint.name for endpoint in BUILT_IN}:
        raise RefusedError(
            f"text-gen calls {name} already, by its row in shared/electrons/providers/openai/compatible.py"
        )
    taken = {setting.upper() for setting in Settings.names()}
    taken |= {setting.name for provider in providers for setting in provider.declared_settings()}
    for setting in (f"{name.upper()}_API_KEY", f"{name.upper()}_BASE_URL"):
        if setting in taken:
            raise RefusedError(f"`{setting}` is another setting already; choose another name")


def check_base_url(url: str) -> str:
    """Return the URL without a slash at its end. Raises `RefusedError` unless it is a plain https URL."""
    try:
        parts = urlsplit(url)
        is_plain = parts.scheme == "https" and parts.hostname and not (parts.query or parts.fragment or parts.username)
    except ValueError:
        is_plain = False
    if not is_plain or not re.fullmatch(r"[\w.:/~-]+", url):
        raise RefusedError(f"--base-url {url!r} is not an https URL, e.g. https://api.acme.com/v1")
    return url.rstrip("/")


def render_shared_config(shared: Mapping[str, Any]) -> dict[str, str]:
    """Return the values and the tables that a worker's wrangler.toml takes over, with the D1 binding."""
    left_out = (*check_config.BINDINGS, *check_config.OPTIONAL)
    own = {name: value for name, value in shared.items() if name not in left_out}
    tables = [f"[{name}]\n{_pairs(value)}" for name, value in own.items() if isinstance(value, dict)]
    tables += [
        f"[[d1_databases]]\n{_pairs({'binding': binding, **values})}"
        for binding, values in shared["d1_databases"].items()
    ]
    plain = {name: value for name, value in own.items() if not isinstance(value, dict)}
    return {"shared_values": _pairs(plain), "shared_tables": "\n\n".join(tables)}


def find_sdk_version(root: Path) -> str:
    """Return the version of workers-runtime-sdk that the other workers have."""
    project = tomllib.loads((find_workers(root)[0].folder / "pyproject.toml").read_text(encoding="utf-8"))
    pins = [pin for pin in project["project"]["dependencies"] if pin.startswith("workers-runtime-sdk==")]
    return str(pins[0]).partition("==")[2]


def write(kind: str, values: Mapping[str, str], insertions: Sequence[Insertion], root: Path) -> list[Path]:
    """Write the templates' files and the insertions; return their paths. Raises `RefusedError` before it writes."""
    contents = {
        root / path: Template(template.read_text(encoding="utf-8")).substitute(values)
        for template in sorted((TEMPLATES / kind).rglob(f"*{SUFFIX}"))
        for path in [_target(template.relative_to(TEMPLATES / kind), values)]
    }
    existing = [str(path.relative_to(root)) for path in contents if path.exists()]
    if existing:
        raise RefusedError(f"{', '.join(existing)} exists already; choose another name")
    contents |= {insertion.path: insertion.render() for insertion in insertions}
    for path, content in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    sources = [str(path) for path in contents if path.suffix == ".py"]
    for command in (["check", "--fix", "--select", "I"], ["format"]):  # the order of imports depends on the name
        subprocess.run([setup.PYTHON, "-m", "ruff", *command, "--quiet", *sources], cwd=root, check=True)
    return list(contents)


def report(paths: Sequence[Path], root: Path) -> None:
    """Print what was written."""
    for path in paths:
        print(f"  {path.relative_to(root)}")


def _target(template: Path, values: Mapping[str, str]) -> Path:
    """Return the path of the file that a template becomes."""
    name = str(template).removesuffix(SUFFIX).replace("NAME", values["name"])
    return Path(name.replace("PACKAGE", values.get("package", "")))


def _pairs(table: Mapping[str, Any]) -> str:
    """Write a table's values; JSON's strings, lists, numbers and booleans are TOML's as well."""
    return "\n".join(f"{name} = {json.dumps(value)}" for name, value in table.items())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        sys.path.insert(0, str(setup.ROOT / "shared"))
        sys.exit(run(sys.argv[2:]))
    else:
        setup.run_script(main)
