"""Settings that cannot work are refused before anything is sent, without quoting what may be a secret."""

from __future__ import annotations

import pytest

from gate.errors import ConfigurationError
from gate.probe.client import ClientSettings
from gate.probe.origin import Origin, parse_base_url


@pytest.mark.parametrize(
    ("url", "origin", "authority"),
    [
        ("http://a.test", Origin("http", "a.test", 80), "a.test"),
        ("HTTPS://A.test:443/", Origin("https", "a.test", 443), "a.test"),
        ("https://a.test:80/p/q//", Origin("https", "a.test", 80, "/p/q"), "a.test:80"),
        ("http://[::1]:8000", Origin("http", "::1", 8000), "[::1]:8000"),
        ("http://b\u00fccher.test", Origin("http", "xn--bcher-kva.test", 80), "xn--bcher-kva.test"),
        ("http://127.0.0.1:8000/a%2fb", Origin("http", "127.0.0.1", 8000, "/a%2fb"), "127.0.0.1:8000"),
    ],
)
def test_base_urls(url, origin, authority):
    assert parse_base_url(url) == origin
    assert parse_base_url(url).authority == authority


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.test",
        "//a.test",
        "ftp://a.test",
        "http://",
        "http:///path",
        "http://:80",
        "http://user:hunter22@a.test",
        "http://hunter22@a.test",
        "http://@a.test",
        "http://a.test?hunter22",
        "http://a.test/?",
        "http://a.test/#",
        "http://a.test#hunter22",
        "http://a.test:0",
        "http://a.test:65536",
        "http://a.test:port",
        "http://a.te st",
        "http://a.test\n",
        "http://a.\ttest",
        "http://a.test/\x1b[2J",
        "http://[::1",
        "http://a..\u00fc.test",
        "http://a.test/\u00fc",
    ],
)
def test_base_urls_that_cannot_be_used(url):
    with pytest.raises(ConfigurationError, match="BASE_URL") as error:
        ClientSettings(url, "r1", "gate")
    assert "hunter22" not in str(error.value)


def test_no_concurrency():
    with pytest.raises(ConfigurationError, match="concurrent"):
        ClientSettings("http://a.test", "r1", "gate", concurrency=0)
