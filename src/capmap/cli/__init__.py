"""The command line: arguments in, exit code out; a few statements per command."""
