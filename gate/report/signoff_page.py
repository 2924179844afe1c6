"""The sign-off log as one HTML file without script or anything from outside, and as PDF made of it. The papers count, not these."""

from __future__ import annotations

import logging
from typing import Any

from gate.errors import ConfigurationError
from gate.model.signed import SignOff
from gate.paths import data_root
from gate.report.clean import line
from gate.report.signoff import MISSING, Records, Release, contents

TEMPLATE = "signoff.html.j2"


def html(records: Records, release: Release, papers: tuple[SignOff, ...] = ()) -> str:
    """The page. Every value is cleaned and escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - slow to load, and only this format needs it
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2

    environment = Environment(
        loader=FileSystemLoader(data_root() / "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else MISSING if value is None else line(value),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(TEMPLATE).render(**contents(records, release, papers))


def pdf(page: str) -> bytes:
    """The page as PDF/A-3b; ConfigurationError where the extra `pdf` or the system's Pango is missing."""
    try:
        from weasyprint import HTML  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra, large, and only this format needs it
        from weasyprint.urls import URLFetcher  # type: ignore[import-untyped]  # noqa: PLC0415 - as above
    except ImportError:
        raise ConfigurationError(
            "WeasyPrint is not installed", "the extra pdf", "Run: pip install 'cutover-gate[pdf]', or use --format html"
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"WeasyPrint cannot be used ({error!s:.120})", "the library Pango", "Install it (Debian: libpango-1.0-0 libpangoft2-1.0-0)"
        ) from None
    # Its own notes are about rules for screens. Nothing is fetched: the page is whole, and what a stranger wrote must make this machine
    # ask for nothing.
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    made: Any = HTML(string=page, url_fetcher=URLFetcher(allowed_protocols=())).write_pdf(pdf_variant="pdf/a-3b")
    return bytes(made)
