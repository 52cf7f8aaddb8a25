from __future__ import annotations

from pathlib import Path

import pytest

import capmap.bundled
from capmap.bundled import bundled, sample_project


def test_the_checkout_has_the_sample() -> None:
    assert (sample_project() / "capmap.toml").is_file()
    assert (bundled() / "indicators").is_dir()


def test_package_data_come_first_and_nothing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "src" / "capmap"
    monkeypatch.setattr(capmap.bundled, "_PACKAGE", package)
    with pytest.raises(FileNotFoundError, match="not part of this installation"):
        bundled()
    for root in (tmp_path, package / "_bundled"):
        (root / "sample_data").mkdir(parents=True)
        (root / "indicators").mkdir()
        assert bundled() == root
