"""Archives: the same bytes twice, verified elsewhere, and hostile ones refused before anything is written."""

from __future__ import annotations

import gzip
import json
import stat
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from capmap.data.load import load
from capmap.errors import UnreadableError, UsageError, WriteError
from capmap.model import Project
from capmap.operate import bundle
from capmap.operate.bundle import LISTING, write_bundle
from capmap.operate.run import everything
from capmap.operate.verify import verify
from tests.operate.test_verify import COMMANDS, differs, flip, found, spread, written


def packed(project: Project, path: Path) -> Path:
    every = everything(project)
    return write_bundle(project, path, analyses={name: every[name] for name in COMMANDS})


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bundle")
    return packed(written(place / "p"), place / "out.zip")


def never() -> Project:
    raise AssertionError("an archive brings its own project")


def test_an_archive_is_the_same_twice_and_verified_elsewhere(archive: Path, tmp_path: Path) -> None:
    again = packed(load(archive.parent / "p", environ={}), tmp_path / "again.zip")
    assert again.read_bytes() == archive.read_bytes()
    said = verify(again, never)
    assert said.result.tables["differences"].is_empty()
    assert said.project is None
    with zipfile.ZipFile(again) as inside:
        names = inside.namelist()
        assert {info.date_time for info in inside.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert names[0] == LISTING
    assert names[1:] == sorted(names[1:])
    assert {"project/capmap.toml", "project/data.csv", "project/indicators/pat.toml", "project/codes/regions.csv",
            "results/manifest.json", "results/rca.parquet"} <= set(names)  # fmt: skip


def test_settings_of_the_environment_go_along(tmp_path: Path) -> None:
    written(tmp_path / "p")
    project = load(tmp_path / "p", environ={"CAPMAP_SPECIALISATION_LEVEL": "0.8"})
    path = packed(project, tmp_path / "out.zip")
    assert found(tmp_path, "out.zip").is_empty()
    assert b"0.8" in zipfile.ZipFile(path).read("results/manifest.json")


def test_definitions_beside_the_project_go_along(tmp_path: Path) -> None:
    written(tmp_path / "p")
    (tmp_path / "p" / "indicators").rename(tmp_path / "shared")
    run_file = tmp_path / "p" / "capmap.toml"
    run_file.write_text('[data]\nobservations = ["*.csv"]\nindicators = "../shared"\n', "utf-8")
    path = packed(load(tmp_path / "p", environ={}), tmp_path / "out.zip")
    assert {"project/p/capmap.toml", "project/shared/pat.toml"} <= set(zipfile.ZipFile(path).namelist())
    assert found(tmp_path, "out.zip").is_empty()


def test_what_has_no_place_elsewhere_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "p")
    run_file = tmp_path / "p" / "capmap.toml"
    run_file.write_text(f'[data]\nobservations = ["{tmp_path}/p/data.csv"]\n', "utf-8")
    with pytest.raises(UsageError, match="full path"):
        packed(load(tmp_path / "p", environ={}), tmp_path / "out.zip")
    single = load(data=tmp_path / "p" / "data.csv", kind="count", environ={})
    with pytest.raises(UsageError, match="only a project"):
        packed(single, tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()


def test_a_flipped_byte_in_any_file_of_an_archive_is_found(archive: Path, tmp_path: Path) -> None:
    whole = zipfile.ZipFile(archive)
    for name in ("project/data.csv", "project/indicators/pat.toml", "project/codes/regions.csv", "project/capmap.toml",
                 "results/manifest.json", "results/rca.parquet", "results/rca.csv", LISTING):  # fmt: skip
        for place in (0.3, 0.8):
            path = tmp_path / "p.zip"
            content = bytearray(whole.read(name))
            content[int(len(content) * place)] ^= 1
            repacked(archive, path, {name: bytes(content)})
            assert differs(tmp_path, "p.zip"), (name, place)


def test_a_flipped_byte_of_the_packed_files_is_found(archive: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(archive) as inside:
        starts = [info.header_offset + 30 + len(info.filename) for info in inside.infolist()]
    for start in starts[::4]:
        path.write_bytes(archive.read_bytes())
        flip(path, start + 20)
        assert differs(tmp_path, "p.zip"), start
    for at in list(spread(archive, 5))[1:]:
        path.write_bytes(archive.read_bytes()[:at])  # cut off
        with pytest.raises(UnreadableError):
            verify(path, never)


# Hostile archives -----------------------------------------------------------------------------------------------------


def repacked(source: Path, target: Path, changed: dict[str, bytes]) -> None:
    """A copy of an archive with other contents of some files."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, changed.get(info.filename, old.read(info.filename)))


def with_entry(source: Path, target: Path, entry: zipfile.ZipInfo | str, content: bytes = b"x") -> Path:
    repacked(source, target, {})
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(entry, content)
    return target


def link() -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("project/link.csv")
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return entry


def device() -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("project/null")
    entry.create_system, entry.external_attr = 3, (stat.S_IFCHR | 0o666) << 16
    return entry


@pytest.mark.parametrize(
    "name",
    ["../evil.csv", "/etc/evil.csv", "project/../../evil", "C:evil.csv", "c:/evil", "project\\evil", "project//x", "project/./x",
     "project/", "project/con", "project/LPT1.csv", "project/x.", "project/x ", "project/" + "n" * 300, "project/a\nb", "~\x01"],
)  # fmt: skip
def test_names_that_lead_out_are_refused(archive: Path, tmp_path: Path, name: str) -> None:
    path = with_entry(archive, tmp_path / "evil.zip", name)
    with pytest.raises(UnreadableError, match="not an archive that capmap wrote"):
        verify(path, never)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["evil.zip"]


@pytest.mark.parametrize(("entry", "why"), [(link, "a link"), (device, "no plain file")])
def test_links_and_devices_are_refused(
    archive: Path, tmp_path: Path, entry: Callable[[], zipfile.ZipInfo], why: str
) -> None:
    with pytest.raises(UnreadableError, match=why):
        verify(with_entry(archive, tmp_path / "evil.zip", entry(), b"/etc/passwd"), never)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("name", "why"),
    [("project/data.csv", "twice"), ("project/DATA.csv", "twice"), ("project/data.csv/x", "a file and a folder")],
)
def test_names_that_some_systems_take_for_one_are_refused(archive: Path, tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(UnreadableError, match=why):
        verify(with_entry(archive, tmp_path / "evil.zip", name), never)


def test_a_bomb_is_refused_before_it_unpacks(archive: Path, tmp_path: Path) -> None:
    path = with_entry(archive, tmp_path / "bomb.zip", "project/zeros.csv", bytes(8 * 2**20))
    with pytest.raises(UnreadableError, match="times its size"):
        verify(path, never)


def test_size_and_number_are_bounded(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "MOST_FILES", 5)
    with pytest.raises(UnreadableError, match="more than 5"):
        verify(archive, never)
    monkeypatch.setattr(bundle, "MOST_FILES", 1000)
    monkeypatch.setattr(bundle, "MOST_BYTES", 1000)
    with pytest.raises(UnreadableError, match=r"more than 1,000"):
        verify(archive, never)


def test_a_size_that_lies_is_found_out(archive: Path, tmp_path: Path) -> None:
    path = tmp_path / "lie.zip"
    content = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as inside:
        info = inside.getinfo("project/data.csv")
    size = info.file_size.to_bytes(4, "little")
    at = content.rindex(size, 0, content.rindex(b"project/data.csv"))  # of the central directory
    content[at : at + 4] = (10).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(UnreadableError):
        verify(path, never)


def test_encrypted_files_and_other_packings_are_refused(archive: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    content = bytearray(archive.read_bytes())
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(UnreadableError, match="encrypted"):
        verify(path, never)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as other:
        other.writestr(LISTING, b"{}")
    with pytest.raises(UnreadableError, match="does not write"):
        verify(path, never)


def test_an_archive_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    for listing in (
        None,
        b"{",
        b"[]",
        b'{"bundle": 2}',
        b'{"bundle": 1, "root": "..", "files": [], "environment": {}}',
    ):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme.txt", b"hello")
            if listing is not None:
                archive.writestr(LISTING, listing)
        with pytest.raises(UnreadableError):
            verify(path, never)
    path.write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(UnreadableError, match="no archive that can be read"):
        verify(path, never)


@pytest.mark.parametrize(
    "data", ['observations = ["/etc/*.csv"]', 'observations = ["../../../x.csv"]', 'observations = ["*/../../../x.csv"]',
             'observations = ["data.csv"]\nindicators = "../.."', 'observations = ["data.csv"]\ncodes = "/etc"',
             'observations = ["C:/x.csv"]', 'observations = ["~/x.csv"]', "observations = 3"],
)  # fmt: skip
def test_a_project_inside_cannot_read_outside(archive: Path, tmp_path: Path, data: str) -> None:
    path = tmp_path / "x.zip"
    repacked(archive, path, {"project/capmap.toml": f"[data]\n{data}\n".encode()})
    with pytest.raises(UnreadableError, match=r"outside of it|cannot be read"):
        verify(path, never)


def test_the_environment_of_an_archive_names_no_places(archive: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    listing = json.loads(zipfile.ZipFile(archive).read(LISTING))
    listing["environment"] = {"CAPMAP_DATA_OBSERVATIONS": "/etc/passwd"}
    repacked(archive, path, {LISTING: json.dumps(listing).encode()})
    with pytest.raises(UnreadableError, match="outside of it"):
        verify(path, never)


@pytest.mark.parametrize("name", ["project/more.csv.gz", "project/more.GZ", "results/rca.csv.gz"])
def test_what_is_packed_twice_is_measured_too(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(bundle, "MOST_BYTES", 2**20)
    path = with_entry(archive, tmp_path / "x.zip", name, gzip.compress(bytes(2**21)))
    with pytest.raises(UnreadableError, match=f"{name} unpacks to more than 1,048,576 bytes"):
        verify(path, never)


def test_a_workbook_inside_is_measured_too(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "MOST_BYTES", 2**20)
    with zipfile.ZipFile(tmp_path / "book", "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/sheet1.xml", bytes(2**21))
    path = with_entry(archive, tmp_path / "x.zip", "project/more.xlsx", (tmp_path / "book").read_bytes())
    with pytest.raises(UnreadableError, match="unpacks to more than"):
        verify(path, never)


def test_hidden_files_beside_an_index_stay_at_home(tmp_path: Path) -> None:
    written(tmp_path / "p")
    (tmp_path / "p" / "index").mkdir(exist_ok=True)
    (tmp_path / "p" / "index" / ".env").write_text("TOKEN=1", "utf-8")
    with zipfile.ZipFile(packed(load(tmp_path / "p", environ={}), tmp_path / "out.zip")) as inside:
        assert not [name for name in inside.namelist() if ".env" in name]


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits")
def test_no_room_to_unpack_is_not_a_fault_of_the_archive(archive: Path) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, before[1]))
    try:
        with pytest.raises(WriteError, match="cannot write"):
            verify(archive, never)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
