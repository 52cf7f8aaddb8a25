from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from capmap.bundled import bundled
from capmap.data import load
from capmap.data.init import init, run_file
from capmap.errors import ExitCode, UsageError, WriteError
from capmap.model import RunFile

VALUES = {"data.observations": ("data/*.csv",)}


def test_the_copy_reads_like_the_sample(tmp_path: Path) -> None:
    folder = init(tmp_path / "mine")
    assert folder == tmp_path / "mine"
    mine, sample = load(folder), load(bundled() / "sample_data")
    assert_frame_equal(mine.observations.drop("file"), sample.observations.drop("file"))
    assert mine.catalogue == sample.catalogue
    assert mine.indices == sample.indices
    assert not mine.bundled
    assert sorted(p.name for p in folder.iterdir()) == ["capmap.toml", "codes", "data", "index", "indicators"]


def test_an_empty_folder_is_filled_and_parents_are_made(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert (init(tmp_path / "empty") / "capmap.toml").is_file()
    assert (init(tmp_path / "a" / "b") / "capmap.toml").is_file()


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty") as caught:
        init(tmp_path)
    assert caught.value.exit_code == ExitCode.USAGE
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(UsageError, match="is a file"):
        init(tmp_path / "notes.txt")


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError) as caught:
        init(tmp_path / "file" / "below")
    assert caught.value.exit_code == ExitCode.CANNOT_WRITE
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_nothing_half_written_is_left_when_copying_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28), "codes")

    monkeypatch.setattr("shutil.copytree", full)
    with pytest.raises(WriteError, match="No space left"):
        init(tmp_path / "mine")
    assert list(tmp_path.iterdir()) == []


def test_the_run_file_explains_every_key_and_cannot_drift() -> None:
    text = run_file(VALUES)
    for name, field in RunFile.model_fields.items():
        assert f"[{name}]" in text
        for key, inner in getattr(field.annotation, "model_fields", {}).items():
            assert re.search(rf"^(# )?{key} = ", text, re.MULTILINE), key
            assert f"# {inner.description}" in text
    assert 'One of ".", ","' in text


def test_the_run_file_is_valid_as_it_stands_and_with_every_default_uncommented() -> None:
    text = run_file(VALUES)
    plain = RunFile.model_validate(tomllib.loads(text))
    assert plain == RunFile.model_validate({"data": {"observations": ["data/*.csv"]}})
    uncommented = re.sub(r"^# (\w+ = (?!\.\.\.).+)$", r"\1", text, flags=re.MULTILINE)
    assert uncommented.count("\n# ") < text.count("\n# ") - 15
    full = RunFile.model_validate(tomllib.loads(uncommented))
    assert full.model_copy(update={"columns": {}}) == plain
    assert full.columns == {key: key for key in full.columns}
