"""What every handler reads from its call: the account, the script, the body."""

from typing import Any

from pydantic_core import from_json

from ...vendor import Call
from .answers import INVALID, refusal
from .store import Account, Script, accounts
from .uploads import Binding, Metadata, resolve_bindings


def token_of(call: Call) -> str:
    """The credential, whichever way it comes; empty where there is none."""
    if call.headers.get("x-auth-email"):
        return call.headers.get("x-auth-key", "")
    return call.headers.get("authorization", "").removeprefix("Bearer").strip()


def account_of(call: Call) -> Account:
    """The account of the path, as the token shows it."""
    has_none = token_of(call).startswith("nosubdomain")
    key = call.params["account"] + ("-without-subdomain" if has_none else "")
    return accounts.setdefault(key, Account(subdomain=None if has_none else "emulated"))


def script_of(call: Call) -> Script:
    """The script of the path. Refuses names that nothing was uploaded for."""
    return account_of(call).find(call.params["name"])


def source_of(call: Call) -> str:
    """The client, in the API's words."""
    return "wrangler" if call.headers.get("user-agent", "").startswith("wrangler/") else "api"


def json_body(call: Call) -> dict[str, Any]:
    """Refuses a body that is no object."""
    try:
        body = from_json(call.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise refusal(400, INVALID, "could not parse the request's body as a JSON object")
    return body


def new_bindings(call: Call, script: Script, metadata: Metadata) -> list[Binding]:
    """The bindings of the version that the call uploads to the script."""
    former = script.versions[-1].bindings if script.versions else []
    return resolve_bindings(metadata, former, strict=call.query.get("bindings_inherit") == ["strict"])
