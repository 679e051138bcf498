"""Cron Triggers: the schedules of a script, and what runs it by them.

Source: https://developers.cloudflare.com/api/resources/workers/subresources/scripts/subresources/schedules/.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import TypeAdapter, ValidationError

from ...validation import describe_first_error
from ...vendor import Call, Response
from .accounts import Account, all_accounts
from .calls import script_of
from .crons import parse_cron
from .http import refusal, success
from .proxy import run_scheduled
from .resources import now
from .store import Script

logger = logging.getLogger(__name__)

RUN = "/scheduled/{account}/{name}"
"""The emulator's own route that runs a script at once, as at the time of its `cron`."""

_INVALID_CRON = 10100
_SCHEDULES = TypeAdapter(list[dict[str, str]])


def get_schedules(call: Call) -> Response:
    """Return the schedules."""
    return success({"schedules": script_of(call).schedules})


def put_schedules(call: Call) -> Response:
    """Replace the schedules by those of the body: `[{"cron": "0 3 * * *"}]`."""
    script = script_of(call)
    try:
        wanted = [str(schedule.get("cron")) for schedule in _SCHEDULES.validate_json(call.body)]
    except ValidationError as problem:
        raise refusal(400, _INVALID_CRON, describe_first_error(problem)) from problem
    for cron in wanted:
        try:
            parse_cron(cron)
        except ValueError as problem:
            raise refusal(400, _INVALID_CRON, f"invalid cron string: {problem}") from problem
    made = {schedule["cron"]: schedule["created_on"] for schedule in script.schedules}
    script.schedules = [
        {"cron": cron, "created_on": made.get(cron, now()), "modified_on": now()} for cron in dict.fromkeys(wanted)
    ]
    _clock.start()
    return success({"schedules": script.schedules})


def run_now(call: Call) -> Response:
    """Run a script as at the time of one of its schedules; return its outcome."""
    script, cron = script_of(call), call.query_value("cron")
    if cron not in {schedule["cron"] for schedule in script.schedules}:
        raise refusal(404, _INVALID_CRON, f"{script.name} has no schedule {cron!r}")
    return success(run_scheduled(script.account, script, cron=cron, minute=datetime.now(UTC)))


class _Clock:
    """Calls a function at each full minute, from the first schedule until the emulators end."""

    def __init__(self, tick: Callable[[datetime], None]) -> None:
        self._tick = tick
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the clock if it does not run yet."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(60 - time.time() % 60)
            self._tick(datetime.now(UTC).replace(second=0, microsecond=0))


def _run_due(minute: datetime) -> None:
    for account in all_accounts():
        for script in account.deployed_scripts():
            for schedule in script.schedules:
                if parse_cron(schedule["cron"]).matches(minute):
                    arguments = (account, script, schedule["cron"], minute)
                    threading.Thread(target=_run, args=arguments, daemon=True).start()


def _run(account: Account, script: Script, cron: str, minute: datetime) -> None:
    try:
        run_scheduled(account, script, cron=cron, minute=minute)
    except Exception:
        # Nobody waits for the result; the next minute is another chance.
        logger.exception("The schedule %s of %s failed", cron, script.name)


_clock = _Clock(_run_due)
