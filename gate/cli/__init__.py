"""The command line: one file a subcommand, each with its `command`."""
