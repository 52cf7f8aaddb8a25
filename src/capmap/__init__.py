"""capmap: industrial capability characterisation.

The same verbs as on the command line, on polars frames:

    import capmap as cm
    project = cm.load("my-project")       # or cm.load(data="exports.csv", kind="value"); cm.load() is the sample
    cm.rca(project, indicator=["patent_families"], region=["KOR"])      # a polars frame
    cm.profile(project, "KOR").tables["specialisation"]                 # a frozen dataclass of frames

A verb imports what it needs when it is first used; `import capmap` alone imports nothing heavy. Whatever a verb cannot
do ends in a `cm.CapmapError`, which says what was expected and how to mend it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from capmap.data import load as load
    from capmap.errors import CapmapError as CapmapError
    from capmap.model import Project, Result
    from capmap.operate.refresh import Refreshed

__all__ = [
    "CapmapError", "backtest", "check", "compare", "complexity", "config", "diff", "explain", "index", "indicators",
    "init", "intensity", "load", "normalise", "opportunities", "profile", "rca", "refresh", "regions",
    "relatedness", "robustness", "run", "sector", "sectors", "verify", "write",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """`load` and `CapmapError`, imported when they are first asked for."""
    if name == "load":
        from capmap.arguments import checked
        from capmap.data import load

        return checked(load)
    if name == "CapmapError":
        from capmap.errors import CapmapError

        return CapmapError
    raise AttributeError(f"module 'capmap' has no attribute {name!r}")


def rca(project: Project, **options: Any) -> pl.DataFrame:
    """Revealed comparative advantage with its doubt: `capmap rca`; options as `capmap.analyses.specialisation.rca`."""
    from capmap.analyses.specialisation import rca as measure
    from capmap.arguments import checked

    return checked(measure, "specialisation")(project, **options).frame


def intensity(project: Project, **options: Any) -> pl.DataFrame:
    """Relative intensities: `capmap intensity`; options as `capmap.analyses.intensity.intensity`."""
    from capmap.analyses.intensity import intensity as measure
    from capmap.arguments import checked

    return checked(measure)(project, **options).frame


def normalise(project: Project, **options: Any) -> pl.DataFrame:
    """Scores on one scale: `capmap normalise`; options as `capmap.analyses.normalise.normalise`."""
    from capmap.analyses.normalise import normalise as measure
    from capmap.arguments import checked

    return checked(measure)(project, **options).tables["normalise"]


def profile(project: Project, region: str, **options: Any) -> Result:
    """Capability profile of a region: `capmap profile`; options as `capmap.analyses.profile.profile`."""
    from capmap.analyses.profile import profile as measure
    from capmap.arguments import checked

    return checked(measure, "specialisation")(project, region, **options)


def compare(project: Project, regions: Sequence[str], **options: Any) -> Result:
    """Comparison of two to six regions: `capmap compare`; options as `capmap.analyses.compare.compare`."""
    from capmap.analyses.compare import compare as measure
    from capmap.arguments import checked

    return checked(measure, "specialisation")(project, regions, **options)


def sector(project: Project, sector: str, **options: Any) -> Result:
    """Who leads in a sector: `capmap sector`; options as `capmap.analyses.sector.sector`."""
    from capmap.analyses.sector import sector as measure
    from capmap.arguments import checked

    return checked(measure, "specialisation")(project, sector, **options)


def complexity(project: Project, **options: Any) -> Result:
    """Economic complexity with ranges: `capmap complexity`; options as `capmap.analyses.complexity.complexity`."""
    from capmap.analyses.complexity import complexity as measure
    from capmap.arguments import checked

    return checked(measure)(project, **options)


def index(project: Project, id: str | None = None, **options: Any) -> Result:  # noqa: A002 - the word of the command
    """A composite index with ranges: `capmap index`; options as `capmap.analyses.index.index`."""
    from capmap.analyses.index import index as measure
    from capmap.arguments import checked

    return checked(measure)(project, id, **options)


def robustness(project: Project, id: str | None = None, **options: Any) -> Result:  # noqa: A002 - the word of the command
    """How far its ranks are to be trusted: `capmap robustness`; options as `capmap.analyses.index.robustness`."""
    from capmap.analyses.index import robustness as measure
    from capmap.arguments import checked

    return checked(measure)(project, id, **options)


def relatedness(project: Project, **options: Any) -> pl.DataFrame:
    """Links between sectors: `capmap relatedness`; options as `capmap.analyses.relatedness.relatedness`."""
    from capmap.analyses.relatedness import relatedness as measure
    from capmap.arguments import checked

    return checked(measure)(project, **options).frame


def opportunities(project: Project, region: str, **options: Any) -> Result:
    """What lies near a region: `capmap opportunities`; options as `capmap.analyses.opportunities.opportunities`."""
    from capmap.analyses.opportunities import opportunities as measure
    from capmap.arguments import checked

    return checked(measure)(project, region, **options)


def backtest(project: Project, **options: Any) -> Result:
    """What such picks were worth: `capmap opportunities --backtest`; options as `capmap.analyses.backtest.backtest`."""
    from capmap.analyses.backtest import backtest as measure
    from capmap.arguments import checked

    return checked(measure)(project, **options)


def explain(project: Project, region: str, sector: str | None = None, **options: Any) -> Result:
    """How a number came about: `capmap explain`; options as `capmap.analyses.explain.explain`."""
    from capmap.analyses.explain import explain as trace
    from capmap.arguments import checked

    return checked(trace, "specialisation")(project, region, sector, **options)


def verify(results: str, project: Project | None = None, tolerance: float = 0.0) -> pl.DataFrame:
    """Every cell of a folder of results, a vintage or an archive that does not follow: `capmap verify`."""
    from capmap.arguments import checked
    from capmap.data import load
    from capmap.operate.verify import verify as compare

    found = checked(compare)(results, lambda: load() if project is None else project, tolerance=tolerance)
    return found.result.tables["differences"]


def check(project: Project) -> pl.DataFrame:
    """Findings about the data of a project loaded with `check=False`: `capmap check`."""
    from capmap.arguments import fitting
    from capmap.data.findings import findings_frame
    from capmap.model import Project

    return findings_frame(fitting("project", project, Project).findings)


def indicators(project: Project) -> pl.DataFrame:
    """Indicators of a project: `capmap indicators`."""
    from capmap.analyses.listing import indicators as listing
    from capmap.arguments import checked

    return checked(listing)(project).frame


def regions(project: Project, group: str | None = None, level: str | None = None) -> pl.DataFrame:
    """Regions of a project: `capmap regions`."""
    from capmap.analyses.listing import regions as listing
    from capmap.arguments import checked

    return checked(listing)(project, group, level).frame


def sectors(project: Project, classification: str | None = None) -> pl.DataFrame:
    """Sectors of a project: `capmap sectors`."""
    from capmap.analyses.listing import sectors as listing
    from capmap.arguments import checked

    return checked(listing)(project, classification).frame


def config(project: Project) -> pl.DataFrame:
    """Settings of a project with their origin: `capmap config`."""
    from capmap.analyses.configuration import config as listing
    from capmap.arguments import checked

    return checked(listing)(project).frame


def init(folder: str) -> None:
    """Start a project: `capmap init`."""
    from capmap.arguments import checked
    from capmap.data.init import init as start

    checked(start)(folder)


def run(project: Project, folder: str) -> list[str]:
    """Every result into a folder with a manifest: `capmap run -o folder`; returns the files written."""
    from capmap.arguments import checked
    from capmap.operate.run import run_all

    return [str(path) for path in checked(run_all)(project, folder)]


def diff(before: str = "previous", after: str = "latest", **options: Any) -> Result:
    """What changed between two sets of results: `capmap diff`; options as `capmap.operate.diff.compare`."""
    from capmap.arguments import checked
    from capmap.operate.diff import compare as differences

    return checked(differences)(before, after, **options)


def refresh(project: str | None = None, **options: Any) -> Refreshed:
    """Sources fetched, what changed computed and kept: `capmap refresh`; options as `capmap.operate.refresh.refresh`."""
    from capmap.arguments import checked
    from capmap.operate.refresh import refresh as bring_up_to_date

    return checked(bring_up_to_date)(project, **options)


def write(result: Result, path: str) -> None:
    """Write a result; the suffix of the path sets the format."""
    from capmap.arguments import checked
    from capmap.data.write import write as write_result

    checked(write_result)(result, path)
