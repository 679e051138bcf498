"""Which URLs of a caller may be passed on or called: those of public hosts, over https.

Providers fetch assets and this platform calls callbacks; neither may be led to a private network (server-side request
forgery, https://owasp.org/www-community/attacks/Server_Side_Request_Forgery). What parsers read differently is refused,
not interpreted: backslashes, credentials, brackets, percent signs and non-ASCII letters in the host, numbers in place
of an address. Names are not resolved: a public name may still have a private address.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from render_service.hosts import is_public, parse_address

URL_LIMIT = 8192
"""Characters of a URL."""

_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_BRACKETED = re.compile(r"\[[0-9a-fA-F:.]+\](:[0-9]*)?")


def find_url_problem(url: str, *, allow_loopback: bool = False) -> str | None:
    """Return what is wrong with a URL, None if it may be used.

    With `allow_loopback`, this machine counts as public, over http as well; that is for local runs only.
    """
    if len(url) > URL_LIMIT or _UNSAFE.search(url):
        return f"must be a URL of at most {URL_LIMIT} characters, without spaces, control characters and backslashes"
    try:
        parts = urlsplit(url)
        host, _port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return "must be a URL"
    if not host or parts.scheme not in {"http", "https"}:
        return "must be an https URL"
    if "@" in parts.netloc:
        return "must not have a user name or password in it"
    is_readable = parts.netloc.isascii() and ("[" not in parts.netloc or _BRACKETED.fullmatch(parts.netloc))
    if allow_loopback and is_readable and _is_loopback(host):
        return None
    if parts.scheme != "https":
        return "must be an https URL"
    return None if is_readable and is_public(host) else "must name a public host"


def _is_loopback(host: str) -> bool:
    address = parse_address(host)
    return host == "localhost" if address is None else address.is_loopback
