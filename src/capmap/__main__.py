"""Entry point: `capmap` and `python -m capmap`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; every trouble a user can mend ends in a message and a documented exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from capmap import __version__

        print(f"capmap {__version__}")  # noqa: T201
        return
    from capmap.cli.app import run

    sys.exit(run())


if __name__ == "__main__":
    main()
