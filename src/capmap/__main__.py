"""Entry point: `capmap` and `python -m capmap`."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Run the command line; every trouble a user can mend ends in a message and a documented exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _leave)
    if sys.argv[1:] in (["--version"], ["-V"]):
        from capmap import __version__

        print(f"capmap {__version__}")  # noqa: T201
        return
    from capmap.cli.app import run

    sys.exit(run())


def _leave(number: int, _: object) -> None:
    """End at once and in silence: before and after the run there is nothing to tidy up."""
    os._exit(128 + number)


if __name__ == "__main__":
    main()
