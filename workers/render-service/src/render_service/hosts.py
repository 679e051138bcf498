"""Tables of hosts that are not public, and the check of a host against them.

The tables are fixed here and not taken from `ipaddress.is_global`, whose verdict changes with the version of Python.
Sources, November 2026: https://www.iana.org/assignments/iana-ipv4-special-registry,
https://www.iana.org/assignments/iana-ipv6-special-registry, RFC 6761, RFC 6762, RFC 8375, RFC 9476, and the name
collisions of https://www.icann.org/resources/pages/name-collision-2013-12-06-en. Host names are not resolved.
"""

from __future__ import annotations

import ipaddress
import re

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_HOST_NAME_LIMIT = 253
_HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+")
_NUMERIC_LABEL = re.compile(r"0x[0-9a-f]*|[0-9]+")

_PRIVATE_IPV4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",
            "100.64.0.0/10",  # carrier-grade NAT
            "127.0.0.0/8",
            "168.63.129.16/32",  # Azure's host agent
            "169.254.0.0/16",  # link-local, with the metadata services of clouds
            "172.16.0.0/12",
            "192.0.0.0/24",  # IETF protocol assignments, with Oracle's metadata service at 192.0.0.192
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)

# Everything outside of it is loopback, private (fc00::/7, fec0::/10, fe80::/10), multicast, a translation of an IPv4
# address (::/96, 64:ff9b::/96, 64:ff9b:1::/48), or not assigned.
_GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
_PRIVATE_IPV6 = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "2001::/23",  # IETF protocol assignments: Teredo, ORCHID, benchmarks
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, which carries an IPv4 address
            "2620:4f:8000::/48",  # AS112
            "3ffe::/16",  # 6bone, returned
            "3fff::/20",  # documentation
        ),
    )
)

# Names that only a private network resolves, and top-level names that will never be delegated.
_PRIVATE_DOMAINS = (
    "alt", "arpa", "consul", "corp", "dmz", "docker", "home", "internal", "intra", "intranet", "invalid", "k8s", "lan",
    "local", "localdomain", "localhost", "mail", "onion", "pod", "private", "svc", "test", "workgroup", "fritz.box",
)  # fmt: skip

# Public names that resolve to whatever private address is written in them, or to loopback.
_REBINDING_DOMAINS = (
    "1u.ms", "backname.io", "fuf.me", "ip6.name", "lacolhost.com", "local.gd", "localho.st", "localtest.me", "lvh.me",
    "nip.io", "rbndr.us", "smackaho.st", "sslip.io", "traefik.me", "vcap.me", "xip.io", "xip.name", "yoogle.com",
)  # fmt: skip

_REFUSED_DOMAINS = frozenset(_PRIVATE_DOMAINS + _REBINDING_DOMAINS)


def parse_address(host: str) -> Address | None:
    """Return the IP address that a host is, None for a name; an IPv4 address in IPv6 notation is an IPv4 address."""
    if "%" in host:  # a zone index, which is local by its nature
        return None
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_public(host: str) -> bool:
    """Return whether a host, in lower case and without a final dot, may be on the public internet."""
    address = parse_address(host)
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _PRIVATE_IPV4)
    if address is not None:
        return address in _GLOBAL_IPV6 and not any(address in network for network in _PRIVATE_IPV6)
    return _is_public_name(host)


def _is_public_name(host: str) -> bool:
    labels = host.split(".")
    # A last label that is a number makes an address of it for some parsers (WHATWG URL, 3.5): `127.1`, `0x7f.1`.
    if len(host) > _HOST_NAME_LIMIT or not _HOST_NAME.fullmatch(host) or _NUMERIC_LABEL.fullmatch(labels[-1]):
        return False
    return not any(".".join(labels[start:]) in _REFUSED_DOMAINS for start in range(len(labels)))
