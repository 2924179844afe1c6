"""Request pieces come from the encoders of `requests`."""

from __future__ import annotations

import json

import pytest

from gate.probe.build import encode_json, encode_multipart, encode_query


@pytest.mark.parametrize(
    ("params", "query"),
    [
        ({}, ""),
        ({"a": "1", "b": 2}, "a=1&b=2"),
        ({"a": ["x", "y"]}, "a=x&a=y"),
        ([("b", "1"), ("a", "2"), ("b", "3")], "b=1&a=2&b=3"),
        ({"q": "a b&c=d/\u00e9#?"}, "q=a+b%26c%3Dd%2F%C3%A9%23%3F"),
        ({"q": ""}, "q="),
    ],
)
def test_queries(params, query):
    assert encode_query(params) == query


def test_json():
    assert json.loads(encode_json({"a": [1, None, "\u00e9"]})) == {"a": [1, None, "\u00e9"]}
    assert [encode_json(value) for value in (None, [], {}, "", 0, False)] == [b"null", b"[]", b"{}", b'""', b"0", b"false"]
    with pytest.raises(ValueError, match="not JSON"):
        encode_json(float("nan"))


def test_multipart():
    kind, body = encode_multipart({"a": "1"}, {"file": ("x.csv", b"\0\xff", "text/csv")})
    boundary = kind.removeprefix("multipart/form-data; boundary=").encode()
    assert body.split(b"--" + boundary)[-1] == b"--\r\n"
    assert b'Content-Disposition: form-data; name="file"; filename="x.csv"\r\nContent-Type: text/csv\r\n\r\n\0\xff\r\n' in body
    with pytest.raises(ValueError, match="needs a file"):
        encode_multipart({"a": "1"}, {})
