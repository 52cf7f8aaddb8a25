"""The built package: what is inside, what it declares, and that it works where nothing else of the project is."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
from email.message import Message
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

import capmap

from .conftest import RunCapmap

ROOT = Path(__file__).parents[1]
INFO = f"capmap-{capmap.__version__}.dist-info"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the source distribution and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    [path] = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        return Parser().parsestr(archive.read(f"{INFO}/METADATA").decode())


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the installed wheel alone; what it depends on comes from the running environment."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", str(folder), str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def files(folder: str, *patterns: str) -> set[str]:
    """Files of the checkout below a folder, as paths relative to it."""
    top = ROOT / folder
    return {path.relative_to(top).as_posix() for pattern in patterns for path in top.rglob(pattern) if path.is_file()}


def test_wheel_holds_the_package_and_the_sample_and_nothing_else(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    code = files("src", "*.py", "py.typed")
    sample = {f"capmap/_bundled/sample_data/{name}" for name in files("sample_data", "*.toml", "*.csv")}
    indicators = {f"capmap/_bundled/indicators/{name}" for name in files("indicators", "*.toml")}
    index = {f"capmap/_bundled/index/{name}" for name in files("index", "*.toml")}
    info = {f"{INFO}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")}
    assert "capmap/_bundled/sample_data/capmap.toml" in sample
    assert "capmap/_bundled/indicators/patent_families.toml" in indicators
    assert "capmap/_bundled/index/innovation.toml" in index
    assert inside == code | sample | indicators | index | info


def test_source_distribution_holds_what_tests_and_documentation_need(built: Path) -> None:
    [path] = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {"CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml", "tests/test_package.py"} <= inside
    assert not [name for name in inside if "__pycache__" in name or name.startswith((".git/", ".venv", "dist/"))]


def test_metadata(metadata: Message) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert metadata["Version"] == capmap.__version__
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert metadata["Requires-Python"] == project["requires-python"]
    assert metadata["Description-Content-Type"] == "text/markdown"
    required = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert len(required) == len(project["dependencies"])
    assert not [line for line in metadata.get_all("Requires-Dist", []) if line.startswith("pandas")]


def test_project_files_name_the_same_version() -> None:
    cited = re.findall(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    released = re.findall(r"^## \[(\d.+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert cited == [capmap.__version__]
    assert released[0] == capmap.__version__


def test_wheel_alone_profiles_the_sample(run_capmap: RunCapmap, site: Path) -> None:
    code, profile, note = run_capmap("profile", "KOR", "--format", "csv", env={"PYTHONPATH": str(site)})
    assert code == 0, note
    assert "sample that ships with capmap" in note
    assert profile.startswith("section,indicator,year,region,sector,measure,")
    assert profile == run_capmap("profile", "KOR", "--format", "csv").stdout


def test_wheel_alone_starts_a_project(run_capmap: RunCapmap, site: Path, tmp_path: Path) -> None:
    env = {"PYTHONPATH": str(site)}
    where = [sys.executable, "-c", "import capmap.bundled as b; print(b.__file__, b.bundled())"]
    found = subprocess.run(where, env=env, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()
    assert found == [str(site / "capmap/bundled.py"), str(site / "capmap/_bundled")]
    assert run_capmap("init", "mine", env=env).code == 0
    assert run_capmap("check", "--project", "mine", env=env).code == 0
    assert run_capmap("rca", "--project", "mine", "--output", "rca.parquet", env=env).code == 0
    assert (tmp_path / "rca.parquet").read_bytes()[:4] == b"PAR1"
