"""workers.dev: the account's subdomain, and whether a script is enabled there."""

import re

from ...vendor import Call, Response
from .calls import account_of, parse_body, script_of
from .http import INVALID, NOT_FOUND, refusal, success
from .store import Script


def describe_subdomain(script: Script) -> dict[str, bool]:
    """Return the state of a script on workers.dev."""
    return {"enabled": script.workers_dev, "previews_enabled": script.previews}


def get_subdomain(call: Call) -> Response:
    """Return whether a script is enabled on workers.dev."""
    return success(describe_subdomain(script_of(call)))


def post_subdomain(call: Call) -> Response:
    """Enable or disable a script on workers.dev."""
    script, body = script_of(call), parse_body(call)
    enabled = body.get("enabled")
    previews = body.get("previews_enabled", enabled)
    if not isinstance(enabled, bool) or not isinstance(previews, bool):
        raise refusal(400, INVALID, "enabled and previews_enabled must be booleans")
    script.workers_dev, script.previews = enabled, previews
    return success(describe_subdomain(script))


def delete_subdomain(call: Call) -> Response:
    """Disable a script on workers.dev."""
    script = script_of(call)
    script.workers_dev = script.previews = False
    return success(describe_subdomain(script))


def get_account_subdomain(call: Call) -> Response:
    """Return the account's subdomain."""
    subdomain = account_of(call).subdomain
    if subdomain is None:
        raise refusal(404, NOT_FOUND, "You do not have a workers.dev subdomain.")
    return success({"subdomain": subdomain})


def put_account_subdomain(call: Call) -> Response:
    """Set the account's subdomain."""
    subdomain = parse_body(call).get("subdomain")
    if not isinstance(subdomain, str) or not re.fullmatch("[a-z0-9][a-z0-9-]{0,62}", subdomain):
        raise refusal(400, INVALID, "workers.api.error.invalid_subdomain")
    account_of(call).subdomain = subdomain
    return success({"subdomain": subdomain})
