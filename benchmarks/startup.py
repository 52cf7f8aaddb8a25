"""How long a command takes to start: `capmap --help`, and `capmap profile KOR` on the sample.

python benchmarks/startup.py [--pairs N]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from common import environment, machine, milliseconds, paired, ratios

#: A program with one command, to see what the framework alone takes.
BARE = """
import typer

app = typer.Typer()


@app.command()
def hello(name: str) -> None:
    \"\"\"Say hello.\"\"\"
    print(name)


app()
"""
IMPORTS = "import polars, numpy, scipy.special, rich"


def program(*arguments: str, folder: str) -> Callable[[], object]:
    """A fresh Python process; compiled modules are kept, as they are for an installed package."""
    kept = environment(PYTHONPYCACHEPREFIX=folder, PYTHONDONTWRITEBYTECODE="")

    def run() -> object:
        return subprocess.run([sys.executable, *arguments], env=kept, cwd=folder, capture_output=True, check=True)

    return run


def main() -> None:
    """Run both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=9, help="runs of each side, in turns")
    pairs = parser.parse_args().pairs
    print(machine())
    with TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        capmap = ("-m", "capmap")
        profile = (*capmap, "profile", "KOR", "--format")
        for title, floor, command in (
            ("capmap --help against a bare typer program", (str(bare), "--help"), (*capmap, "--help")),
            ("capmap profile KOR (screen) against bare imports", ("-c", IMPORTS), (*profile, "table")),
            ("capmap profile KOR (csv) against bare imports", ("-c", IMPORTS), (*profile, "csv")),
        ):
            low, ours = paired([program(*floor, folder=folder), program(*command, folder=folder)], pairs)
            print(f"\n{title}")
            print(f"  {'floor':10} {milliseconds(low)}")
            print(f"  {'capmap':10} {milliseconds(ours)}")
            print(f"  {'ratio':10} {ratios(ours, low)}   aim 2")


if __name__ == "__main__":
    main()
