"""`npm run docs`: write the parts of the documentation that follow from the providers' declarations.

They are the table of provider settings in shared/README.md, between two marks, and `.dev.vars.example`. A test compares
them, so a new provider needs this command and no editing.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import setup

if TYPE_CHECKING:
    from electrons.upstream.provider import Provider

README = setup.ROOT / "shared" / "README.md"
DEV_VARS = setup.ROOT / ".dev.vars.example"

_BEGIN, _END = "<!-- providers: written by npm run docs -->", "<!-- /providers -->"


def main() -> int:
    """Write both files with the project's own Python, which can import the providers; return its exit status."""
    return setup.run_with_packages(__file__, "--write")


def write() -> None:
    """Write both files."""
    sys.path.insert(0, str(setup.ROOT / "shared"))
    README.write_text(render_readme(README.read_text(encoding="utf-8")), encoding="utf-8")
    DEV_VARS.write_text(render_dev_vars(), encoding="utf-8")


def render_readme(text: str) -> str:
    """Return the README with a current table between the marks."""
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for provider in _find_providers():
        for setting in provider.declared_settings():
            default = "" if setting.is_secret or not setting.default else f"`{setting.default}`"
            secret = "secret; " if setting.is_secret else ""
            rows.append(f"| `{setting.name}` | {default} | {secret}{setting.meaning} |")
    table = "\n".join([_BEGIN, "", *rows, "", _END])
    return re.sub(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", lambda _: table, text, flags=re.DOTALL)


def render_dev_vars() -> str:
    """Return the content of `.dev.vars.example`."""
    lines = [
        "# Copy this file to `.dev.vars` and fill in the keys that you have. `npm start` calls a provider whose key is",
        "# set here for real, and its emulator otherwise. Any other setting of shared/README.md can be set here too.",
        "# Plain `npx wrangler dev` reads the file of the same name in the worker's own folder.",
        "",
        *(f"{credential.name}=" for provider in _find_providers() for credential in provider.credentials),
    ]
    return "\n".join(lines) + "\n"


def _find_providers() -> tuple[Provider, ...]:
    from electrons.registry import find_providers  # noqa: PLC0415  # only the project's own Python has what it imports
    from electrons.upstream.provider import Provider  # noqa: PLC0415

    return find_providers(Provider)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        setup.run_script(main)
