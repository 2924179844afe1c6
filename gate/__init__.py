"""gate: a release gate for deployed HTTP services."""

__version__ = "0.1.0"
