"""The parts of a call that several handlers need: the account, the script, the body."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from pydantic_core import from_json

from ...vendor import Call
from .accounts import Account, open_account
from .bindings import attach_resources, resolve_bindings
from .http import INVALID, refusal
from .resources import ObjectClass
from .store import Script
from .uploads import Binding, Metadata

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[_Item]):
    """A part of a list, and the `result_info` that says which."""

    items: list[_Item]
    info: dict[str, int]


def token_of(call: Call) -> str:
    """Return the token or the key of the headers, or an empty string."""
    if call.headers.get("x-auth-email"):
        return call.headers.get("x-auth-key", "")
    return call.headers.get("authorization", "").removeprefix("Bearer").strip()


def account_of(call: Call) -> Account:
    """Return the account of the path; a token `nosubdomain…` gets one without a subdomain."""
    if token_of(call).startswith("nosubdomain"):
        return open_account(call.params["account"] + "-without-subdomain", subdomain=None)
    return open_account(call.params["account"], subdomain="emulated")


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


def new_bindings(
    call: Call, script: Script, metadata: Metadata, *, classes: dict[str, ObjectClass] | None = None
) -> list[Binding]:
    """Return the bindings of the version that the call uploads to the script.

    `classes` are the account's Durable Objects after the upload's migrations.
    """
    account = account_of(call)
    previous = script.versions[-1].bindings if script.versions else []
    bindings = resolve_bindings(metadata, previous, strict=call.query.get("bindings_inherit") == ["strict"])
    resources = account.resources if classes is None else replace(account.resources, object_classes=classes)
    scripts = {script.name for script in account.deployed_scripts()}
    return attach_resources(bindings, resources, script=script.name, scripts=scripts)


def page_of(call: Call, items: Sequence[_Item], *, per_page: int = 20, cap: int = 10_000) -> Page[_Item]:
    """Return the part of a list that `page` and `per_page` select. Raises `Refusal`."""
    page, size = _positive_number(call, "page", 1), min(cap, _positive_number(call, "per_page", per_page))
    selected = list(items[(page - 1) * size : page * size])
    total_pages = -(-len(items) // size)
    info = {"page": page, "per_page": size, "count": len(selected), "total_count": len(items)}
    return Page(selected, {**info, "total_pages": total_pages})


def _positive_number(call: Call, name: str, default: int) -> int:
    (text,) = call.query.get(name, [str(default)])[:1]
    if not text.isdecimal() or int(text) < 1:
        raise refusal(400, INVALID, f"{name} must be a positive number")
    return int(text)
