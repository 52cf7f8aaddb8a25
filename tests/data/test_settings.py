from __future__ import annotations

import pytest

from capmap.data import load
from capmap.errors import UnreadableError, UsageError
from capmap.model import RunFile

from .projects import PLAIN, Build

RUN = PLAIN["capmap.toml"]


def test_flag_beats_environment_beats_file_beats_default(build: Build) -> None:
    folder = build({"capmap.toml": RUN + "[specialisation]\nthreshold = 2\nlevel = 0.9\nmin_count = 7\n"})
    environ = {"CAPMAP_SPECIALISATION_THRESHOLD": "3", "CAPMAP_SPECIALISATION_LEVEL": "0.8"}
    project = load(folder, environ=environ, overrides={"specialisation.threshold": 4, "specialisation.window": None})
    chosen = project.run.specialisation
    assert (chosen.threshold, chosen.level, chosen.min_count, chosen.p_established) == (4, 0.8, 7, 0.9)
    origins = {key.partition(".")[2]: origin for key, origin in project.origins.items() if key.startswith("spec")}
    assert origins["threshold"] == "flag"
    assert origins["level"] == "environment CAPMAP_SPECIALISATION_LEVEL"
    assert origins["min_count"] == "capmap.toml"
    assert origins["p_established"] == origins["window"] == "default"


def test_every_setting_has_an_origin(build: Build) -> None:
    project = load(build({"capmap.toml": RUN + '[peers]\nKOR = ["DEU"]\n'}), environ={})
    assert project.origins["data.observations"] == project.origins["peers.KOR"] == "capmap.toml"
    settings = {
        f"{section}.{key}"
        for section in RunFile.model_fields
        for key in getattr(type(getattr(project.run, section)), "model_fields", ())
    }
    assert project.origins.keys() == settings | {"peers.KOR"}


def test_texts_become_lists_and_numbers(build: Build) -> None:
    environ = {
        "CAPMAP_SPECIALISATION_EXCLUDE": "KOR, DEU",
        "CAPMAP_SPECIALISATION_WINDOW": "2",
        "CAPMAP_PEERS_KOR": "DEU",
        "CAPMAP_CSV_NULL_VALUES": ":,..",
    }
    run = load(build(), environ=environ).run
    assert run.specialisation.exclude == ("KOR", "DEU")
    assert run.specialisation.window == 2
    assert run.peers == {"KOR": ("DEU",)}
    assert run.csv.null_values == (":", "..")


def test_an_empty_variable_is_unset_and_other_variables_are_not_settings(build: Build) -> None:
    environ = {"CAPMAP_SPECIALISATION_WINDOW": "", "CAPMAP_DEBUG": "1", "CAPMAP_SEED": "x", "CSV_SEPARATOR": ";"}
    project = load(build(), environ=environ)
    assert set(project.origins.values()) == {"default", "capmap.toml"}


def test_a_slip_in_a_variable_names_the_nearest(build: Build) -> None:
    with pytest.raises(UsageError) as caught:
        load(build(), environ={"CAPMAP_SPECIALISATION_TRESHOLD": "2"})
    assert caught.value.message == "unknown setting CAPMAP_SPECIALISATION_TRESHOLD"
    assert caught.value.fix == "did you mean CAPMAP_SPECIALISATION_THRESHOLD?"


def test_a_slip_in_an_override_names_the_nearest(build: Build) -> None:
    with pytest.raises(UsageError, match=r"unknown setting specialisation\.treshold") as caught:
        load(build(), overrides={"specialisation.treshold": 2})
    assert caught.value.fix == "did you mean specialisation.threshold?"
    with pytest.raises(UsageError, match="unknown setting nonsense"):
        load(build(), overrides={"nonsense": 2})


def test_a_bad_value_names_where_it_came_from(build: Build) -> None:
    with pytest.raises(UsageError) as caught:
        load(build(), environ={"CAPMAP_SPECIALISATION_LEVEL": "1.5"})
    assert caught.value.message == (
        "`specialisation.level` cannot be '1.5' (from environment CAPMAP_SPECIALISATION_LEVEL)"
    )
    assert caught.value.fix == "input should be less than 1"
    with pytest.raises(UsageError, match="from the flag"):
        load(build(), overrides={"specialisation.level": 2}, environ={"CAPMAP_SPECIALISATION_LEVEL": "0.5"})


def test_bad_values_of_all_origins_come_at_once(build: Build) -> None:
    folder = build({"capmap.toml": RUN + "[specialisation]\nlevel = 2\n"})
    with pytest.raises(UnreadableError) as caught:
        load(folder, environ={"CAPMAP_PROFILE_PEERS": "0"}, overrides={"csv.decimal": ";"})
    found = {(f.column, f.file, f.line) for f in caught.value.findings}
    assert found == {
        ("specialisation.level", "capmap.toml", 4),
        ("profile.peers", None, None),
        ("csv.decimal", None, None),
    }
