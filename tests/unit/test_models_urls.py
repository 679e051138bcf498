"""Which URLs of a caller may be passed on."""

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
def test_url_when_it_names_no_public_host_then_that_is_wrong(url: str) -> None:
    assert find_url_problem(url) == "must name a public host"


@pytest.mark.parametrize("url", NOT_USABLE)
def test_url_when_it_is_not_to_be_used_then_something_is_wrong(url: str) -> None:
    assert find_url_problem(url)
    assert find_url_problem(url, allow_loopback=True)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8788/a.mp3", "http://localhost/x", "http://[::1]:1/", "https://localhost/"]
)
def test_url_when_loopback_is_allowed_then_this_machine_will_do(url: str) -> None:
    assert find_url_problem(url)
    assert find_url_problem(url, allow_loopback=True) is None


@pytest.mark.parametrize("url", ["https://10.0.0.1/", "http://media.example/", "http://10.0.0.1/", "http://127.1/"])
def test_url_when_loopback_is_allowed_then_nothing_else_is(url: str) -> None:
    assert find_url_problem(url, allow_loopback=True)


@given(st.text())
def test_url_when_it_is_any_text_then_an_answer_and_no_exception(text: str) -> None:
    for url in (text, f"https://{text}", f"https://{text}/"):
        assert find_url_problem(url) is None or find_url_problem(url)
