"""Which URLs of a caller may be passed on or called: those of public hosts, over https.

Providers fetch assets and this platform calls callbacks; neither may be led to a private network (server-side request
forgery, https://owasp.org/www-community/attacks/Server_Side_Request_Forgery). What different parsers read differently
(backslashes, credentials, percent signs in the host, numbers in place of an address) is refused, not interpreted.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

URL_LIMIT = 8192
"""Characters of a URL."""

_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]+(\.[a-z0-9_-]+)+")
_NUMERIC_LABEL = re.compile(r"0x[0-9a-f]*|[0-9]+")
_PRIVATE_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".test", ".invalid", ".onion")

# Prefixes that carry an IPv4 address to a translator or a tunnel: NAT64 (RFC 6052, RFC 8215), 6to4, Teredo.
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))


def find_url_problem(url: str, *, allow_loopback: bool = False) -> str | None:
    """What is wrong with a URL, None when it may be used.

    With `allow_loopback` this machine is public enough, over http as well; that is for local runs only.
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
    if allow_loopback and _is_loopback(host):
        return None
    if parts.scheme != "https":
        return "must be an https URL"
    return None if _is_public(host) else "must name a public host"


def _is_loopback(host: str) -> bool:
    address = _parse_address(host)
    return host == "localhost" if address is None else address.is_loopback


def _is_public(host: str) -> bool:
    address = _parse_address(host)
    if address is None:
        # A last label that is a number makes an address of it for some parsers (WHATWG URL, 3.5): `127.1`, `0x7f.1`.
        numeric = _NUMERIC_LABEL.fullmatch(host.rpartition(".")[2])
        return bool(_HOST_NAME.fullmatch(host)) and not numeric and not host.endswith(_PRIVATE_SUFFIXES)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            address = address.ipv4_mapped
        elif any(address in network for network in _TRANSLATED):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _parse_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
