"""The token, its user and the accounts. The accounts are those that were used, and the one of `npm start`."""

from typing import Any

from ...vendor import Call, Response
from .accounts import account_keys
from .calls import page_of
from .http import success

_USER = "0" * 31 + "1"
_EMAIL = "developer@example.com"


def verify_token(call: Call) -> Response:
    """Return that the token is active; `authenticate` has refused the others."""
    return success({"id": _USER, "status": "active"})


def get_user(call: Call) -> Response:
    """Return the user."""
    return success({"id": _USER, "email": _EMAIL, "first_name": None, "last_name": None})


def list_accounts(call: Call) -> Response:
    """Return a page of accounts."""
    page = page_of(call, [_describe(key) for key in account_keys()])
    return success(page.items, result_info=page.info)


def list_memberships(call: Call) -> Response:
    """Return a page of the user's memberships, one for each account."""
    memberships = [
        {"id": key, "status": "accepted", "account": _describe(key), "roles": ["Super Administrator"]}
        for key in account_keys()
    ]
    page = page_of(call, memberships)
    return success(page.items, result_info=page.info)


def _describe(key: str) -> dict[str, Any]:
    return {"id": key, "name": f"Emulated account {key[:8]}", "type": "standard", "settings": {}}
