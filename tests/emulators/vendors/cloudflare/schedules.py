"""Cron Triggers: the schedules of a script.

Source: https://developers.cloudflare.com/api/resources/workers/subresources/scripts/subresources/schedules/.
"""

import re

from pydantic import TypeAdapter, ValidationError

from ...validation import describe_first_error
from ...vendor import Call, Response
from .calls import script_of
from .http import refusal, success
from .resources import now

_INVALID_CRON = 10100
_FIELD = r"[\dA-Za-z*/,#-]+"
_CRON = re.compile(rf"{_FIELD}( {_FIELD}){{4}}")
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
        if not _CRON.fullmatch(cron):
            raise refusal(400, _INVALID_CRON, f"invalid cron string: {cron}")
    made = {schedule["cron"]: schedule["created_on"] for schedule in script.schedules}
    script.schedules = [
        {"cron": cron, "created_on": made.get(cron, now()), "modified_on": now()} for cron in dict.fromkeys(wanted)
    ]
    return success({"schedules": script.schedules})
