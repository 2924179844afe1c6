"""Adds the data folders to the wheel as `gate/_data/<folder>`; an editable install reads them where they stand."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class DataFolders(BuildHookInterface[Any]):
    """The wheel's build hook."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Only a standard wheel carries the folders."""
        if version == "standard":
            folders = ("suites", "perf", "fixtures", "templates", "sql")
            build_data["force_include"].update({folder: f"gate/_data/{folder}" for folder in folders})
