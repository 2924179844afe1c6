"""Pieces of requests, written by the encoders of `requests`: none of our own could be as well tried.

A target that must go on the wire as it is (`/../x`, `%61`) is written into the probe by hand and never passes through here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from requests import PreparedRequest

# A name with its values, or pairs where the order matters.
Params = Mapping[str, str | int | Sequence[str | int]] | Sequence[tuple[str, str | int]]
# The field's name, with the file's name, content and media type.
File = tuple[str, bytes, str]


def encode_query(params: Params) -> str:
    """What stands behind the question mark, percent-encoded; empty if there are no parameters."""
    prepared = _prepared()
    prepared.prepare_url("http://127.0.0.1/", params)
    return (prepared.url or "").partition("?")[2]


def encode_json(value: Any) -> bytes:
    """The value as JSON.

    Raises:
        ValueError: it holds a NaN or an infinity; such bodies are written by hand.
        TypeError: it holds what JSON cannot express.
    """
    if value is None:
        return b"null"  # `requests` takes it for no body at all
    from requests.exceptions import InvalidJSONError  # noqa: PLC0415 - as in _prepared

    prepared = _prepared()
    try:
        prepared.prepare_body(data=None, files=None, json=value)
    except InvalidJSONError:
        raise ValueError("a NaN or an infinity is not JSON") from None
    return _body(prepared)


def encode_multipart(fields: Mapping[str, str], files: Mapping[str, File]) -> tuple[str, bytes]:
    """Content type (with a random boundary) and body of a form with at least one file.

    Raises:
        ValueError: there is no file.
    """
    if not files:
        raise ValueError("a multipart body needs a file: without one, `requests` writes another kind of form")
    prepared = _prepared()
    prepared.prepare_body(data=dict(fields), files=dict(files))
    return str(prepared.headers["Content-Type"]), _body(prepared)


def _prepared() -> PreparedRequest:
    # Imported here: most commands never build a request.
    from requests import PreparedRequest  # noqa: PLC0415 - slow to load, and a reader of reports does not need it

    prepared = PreparedRequest()
    prepared.prepare_headers({})
    return prepared


def _body(prepared: PreparedRequest) -> bytes:
    body = prepared.body or b""
    return body.encode() if isinstance(body, str) else body
