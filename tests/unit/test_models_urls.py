"""The check of a caller's URLs."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render_service.urls import URL_LIMIT, find_url_problem

PUBLIC = [
    "https://media.example.com/a.mp4?signature=x%2Fy",
    "https://media.example.com:8443/a.mp4",
    "https://MEDIA.Example.com./a.mp4",
    "https://xn--bcher-kva.example/a.mp4",
    "https://8.8.8.8/a.mp4",
    "https://[2606:4700::1111]/a.mp4",
    "https://[2606:4700::1111]:8443/a.mp4",
    "https://[::ffff:8.8.8.8]/a.mp4",
    "https://nip.io.example.com/a.mp4",
    "https://localhost.example.com/a.mp4",
    "https://mycorp.com/a.mp4",
    "https://homes.example/a.mp4",
    "https://192.0.1.1/a.mp4",
    "https://192.88.98.1/a.mp4",
    "https://172.32.0.1/a.mp4",
]

PRIVATE = [
    "https://127.0.0.1/",
    "https://127.0.0.1./",
    "https://0.0.0.0/",
    "https://10.1.2.3/",
    "https://100.64.0.1/",
    "https://169.254.169.254/",
    "https://172.16.0.1/",
    "https://192.168.0.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://[::]/",
    "https://[::1]/",
    "https://[fc00::1]/",
    "https://[fe80::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://127.1/",
    "https://0x7f.0.0.1/",
    "https://0x7f000001/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://a.0x7f/",
    "https://localhost/",
    "https://localhost./",
    "https://a.localhost/",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://intranet/",
    "https://%31%32%37.0.0.1/",
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://a。b/",
    "https://media.example.\u212aom/",
    "https://[fec0::1]/",
    "https://[feff::1]/",
    "https://[fdff::1]/",
    "https://[ff02::1]/",
    "https://[100::1]/",
    "https://[2001:db8::1]/",
    "https://[2001::1]/",
    "https://[2001:20::1]/",
    "https://[3fff::1]/",
    "https://[5f00::1]/",
    "https://[4000::1]/",
    "https://[::127.0.0.1]/",
    "https://[::8.8.8.8]/",
    "https://[64:ff9b:1::1]/",
    "https://[::ffff:192.0.0.192]/",
    "https://192.0.0.192/",
    "https://192.0.0.9/",
    "https://192.88.99.1/",
    "https://192.0.2.1/",
    "https://198.18.0.1/",
    "https://198.19.255.255/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://168.63.129.16/",
    "https://100.127.255.255/",
    "https://172.31.255.255/",
    "https://239.255.255.255/",
    "https://localhost.localdomain/",
    "https://LOCALHOST.LocalDomain./",
    "https://printer.localdomain/",
    "https://127.0.0.1.nip.io/",
    "https://app-10-0-0-1.nip.io/",
    "https://nip.io/",
    "https://10-0-0-1.sslip.io/",
    "https://10.0.0.1.xip.io/",
    "https://localtest.me/",
    "https://a.localtest.me/",
    "https://a.lvh.me/",
    "https://wiki.corp/",
    "https://nas.home/",
    "https://router.lan/",
    "https://nas.home.arpa/",
    "https://api.default.svc/",
    "https://api.default.svc.cluster.local/",
    "https://vault.service.consul/",
    "https://www.intranet/",
    "https://db.private/",
    "https://fritz.box/",
    "https://1.0.0.127.in-addr.arpa/",
    f"https://{'a' * 64}.example/",
    f"https://{'a.' * 130}example/",
]

NOT_USABLE = [
    "",
    "a.mp4",
    "//media.example/a.mp4",
    "https:/media.example",
    "https://",
    "https://user@media.example/",
    "https://media.example\\@127.0.0.1/",
    "https://media.example/a b",
    "https://media.example/\n",
    "https://media.example:99999/",
    "https://[::1/",
    "https://[fe80::1%25eth0]/",
    "https://[media.example]/",
    "https://media.example]/",
    "https://[v1.media.example]/",
    "http://media.example/",
    "ftp://media.example/",
    "file:///etc/passwd",
    "data:text/plain,x",
    "https://media.example/" + "x" * URL_LIMIT,
]


@pytest.mark.parametrize("url", PUBLIC)
def test_url_when_public_then_nothing_is_wrong(url: str) -> None:
    assert find_url_problem(url) is None


@pytest.mark.parametrize("url", PRIVATE)
def test_url_when_it_names_no_public_host_then_refused(url: str) -> None:
    assert find_url_problem(url) == "must name a public host"


@pytest.mark.parametrize("url", NOT_USABLE)
def test_url_when_not_usable_then_refused(url: str) -> None:
    assert find_url_problem(url)
    assert find_url_problem(url, allow_loopback=True)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8788/a.mp3", "http://localhost/x", "http://[::1]:1/", "https://localhost/"]
)
def test_url_when_loopback_is_allowed_then_this_machine_passes(url: str) -> None:
    assert find_url_problem(url)
    assert find_url_problem(url, allow_loopback=True) is None


@pytest.mark.parametrize("url", ["https://10.0.0.1/", "http://media.example/", "http://10.0.0.1/", "http://127.1/"])
def test_url_when_loopback_is_allowed_then_nothing_else_is(url: str) -> None:
    assert find_url_problem(url, allow_loopback=True)


TABLE_EDGES = {
    "9.255.255.255": True,
    "10.0.0.0": False,
    "10.255.255.255": False,
    "11.0.0.0": True,
    "100.63.255.255": True,
    "100.128.0.0": True,
    "126.255.255.255": True,
    "128.0.0.0": True,
    "169.253.255.255": True,
    "169.255.0.0": True,
    "192.167.255.255": True,
    "192.169.0.0": True,
    "198.17.255.255": True,
    "198.20.0.0": True,
    "223.255.255.255": True,
    "[1fff:ffff::]": False,
    "[2001:1ff:ffff::]": False,
    "[2001:200::]": True,
    "[2001:db7:ffff::]": True,
    "[2001:db9::]": True,
    "[2003::]": True,
    "[3fff:1000::]": True,
}


@pytest.mark.parametrize(("host", "public"), TABLE_EDGES.items())
def test_address_when_at_network_edge_then_classified_correctly(host: str, public: bool) -> None:
    assert (find_url_problem(f"https://{host}/") is None) is public


@given(st.ip_addresses())
def test_address_when_python_calls_it_private_then_refused(address: IPv4Address | IPv6Address) -> None:
    host = f"[{address}]" if address.version == 6 else str(address)

    if find_url_problem(f"https://{host}/") is None:
        mapped = getattr(address, "ipv4_mapped", None) or address
        assert mapped.is_global
        assert not mapped.is_multicast


@given(st.text())
def test_url_when_any_text_then_never_raises(text: str) -> None:
    for url in (text, f"https://{text}", f"https://{text}/"):
        assert find_url_problem(url) is None or find_url_problem(url)
