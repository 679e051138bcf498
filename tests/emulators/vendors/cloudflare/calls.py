"""The parts of a call that several handlers need: the account, the script, the body."""

from typing import Any

from pydantic_core import from_json

from ...vendor import Call
from .http import INVALID, refusal
from .store import Account, Script, accounts
from .uploads import Binding, Metadata, resolve_bindings


def token_of(call: Call) -> str:
    """Return the token or the key of the headers, or an empty string."""
    if call.headers.get("x-auth-email"):
        return call.headers.get("x-auth-key", "")
    return call.headers.get("authorization", "").removeprefix("Bearer").strip()


def account_of(call: Call) -> Account:
    """Return the account of the path; a token `nosubdomain…` gets one without a subdomain."""
    without_subdomain = token_of(call).startswith("nosubdomain")
    key = call.params["account"] + ("-without-subdomain" if without_subdomain else "")
    return accounts.setdefault(key, Account(subdomain=None if without_subdomain else "emulated"))


def script_of(call: Call) -> Script:
    """Return the script of the path. Raises `Refusal` if there is none."""
    return account_of(call).find(call.params["name"])


def source_of(call: Call) -> str:
    """Return the API's name for the client."""
    return "wrangler" if call.headers.get("user-agent", "").startswith("wrangler/") else "api"


def parse_body(call: Call) -> dict[str, Any]:
    """Return the body. Raises `Refusal` if it is not a JSON object."""
    try:
        body = from_json(call.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise refusal(400, INVALID, "could not parse the request's body as a JSON object")
    return body


def new_bindings(call: Call, script: Script, metadata: Metadata) -> list[Binding]:
    """Return the bindings of the version that the call uploads to the script."""
    previous = script.versions[-1].bindings if script.versions else []
    return resolve_bindings(metadata, previous, strict=call.query.get("bindings_inherit") == ["strict"])
