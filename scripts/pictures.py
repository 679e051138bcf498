"""`npm run pictures`: make the pictures of the README from what really happens. The platform must be running.

`docs/images/demo.jpg` is a contact sheet of the demo's video, `docs/images/terminal.svg` a session in a terminal.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path

import demo
import ports
import setup

FOLDER = setup.ROOT / "docs" / "images"
TOPIC = "the history of lighthouses"
SHEET = "fps=1/{every},scale=480:-2,tile=3x3:padding=6:color=white"
"""ffmpeg's filter: one frame in so many seconds, nine of them on one sheet."""

SESSION = (
    """curl http://127.0.0.1:{text-gen}/generate -d '{"prompt": "Write a narration about lighthouses"}'""",
    """curl http://127.0.0.1:{audio-gen}/synthesize -d '{"text": "Hello there", "timestamps": true}'""",
    """curl http://127.0.0.1:{stock-media}/search/videos -d '{"keywords": ["sea"], "options": {"per_page": 1}}'""",
)

COLUMNS = 104
LINE, MARGIN, CHARACTER = 19, 22, 8.4
"""Pixels: the height of a line, the margin, and about the width of a character."""


def main() -> int:
    """Make both pictures; return the exit status."""
    try:
        assigned = ports.worker_ports(ports.load_configs())
        platform = demo.Platform({worker: f"http://127.0.0.1:{port}" for worker, port in assigned.items()})
        video = demo.download(demo.make_video(platform, TOPIC), setup.ROOT / "out")
        FOLDER.mkdir(parents=True, exist_ok=True)
        draw_contact_sheet(video, FOLDER / "demo.jpg")
        (FOLDER / "terminal.svg").write_text(draw_session(run_session(assigned)), encoding="utf-8")
    except (demo.DemoError, setup.SetupError) as error:
        print(f"pictures: {error}", file=sys.stderr)
        return 1
    print(f"pictures: wrote {FOLDER.relative_to(setup.ROOT)}/demo.jpg and terminal.svg")
    return 0


def draw_contact_sheet(video: Path, target: Path) -> None:
    """Write nine frames of a video, evenly spaced, as one picture. Raises `SetupError` with ffmpeg's last line."""
    code = "import imageio_ffmpeg as f, sys; print(f.get_ffmpeg_exe(), f.count_frames_and_secs(sys.argv[1])[1])"
    found = subprocess.run([setup.PYTHON, "-c", code, video], capture_output=True, text=True, check=True)
    ffmpeg, seconds = found.stdout.split()
    sheet = SHEET.format(every=float(seconds) / 9)
    command = [ffmpeg, "-y", "-loglevel", "error", "-i", str(video), "-vf", sheet, "-frames:v", "1", "-q:v", "4"]
    result = subprocess.run([*command, str(target)], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise setup.SetupError(f"ffmpeg could not make the contact sheet: {result.stderr.strip().splitlines()[-1]}")


def run_session(assigned: dict[str, int]) -> list[tuple[str, str]]:
    """Run the session's commands; return each with what it printed."""
    session = []
    for template in SESSION:
        command = template
        for worker, port in assigned.items():
            command = command.replace(f"{{{worker}}}", str(port))
        output = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False).stdout
        session.append((command, output))
    return session


def draw_session(session: Sequence[tuple[str, str]]) -> str:
    """Return an SVG of a dark terminal with the commands and their output."""
    lines: list[tuple[str, str]] = []
    for command, output in session:
        lines += [("prompt" if index == 0 else "more", part) for index, part in enumerate(wrap(f"$ {command}"))]
        lines += [("output", part) for line in output.splitlines() for part in wrap(line)]
        lines.append(("output", ""))
    lines.pop()
    width, height = round(COLUMNS * CHARACTER) + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    rows = "\n".join(
        f'<text x="{MARGIN}" y="{MARGIN + (number + 0.75) * LINE:g}" class="{kind}" xml:space="preserve">'
        f"{escape(text, quote=False)}</text>"
        for number, (kind, text) in enumerate(lines)
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>A session in a terminal</title>
<style>
text {{ font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #c9d1d9; }}
.prompt, .more {{ fill: #7ee787; }}
</style>
<rect width="{width}" height="{height}" rx="10" fill="#0d1117"/>
{rows}
</svg>
"""


def wrap(line: str) -> list[str]:
    """Return a line in pieces of at most `COLUMNS` characters, as a terminal shows it."""
    return [line[start : start + COLUMNS] for start in range(0, len(line), COLUMNS)] or [""]


if __name__ == "__main__":
    setup.run_script(main)
