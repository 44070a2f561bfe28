"""The code that a number follows from: names that stand for nothing are refused, and a change concerns what uses it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import torch

from src import catalogue, run, source
from src import config as configs
from src.assembly import choose


@pytest.mark.parametrize(
    "name", ["src.renamed_module", "src.model.Renamed", "src.model.cnn.Renamed", "src.renamed.Cnn", "renamed", ""]
)
def test_a_name_that_stands_for_nothing_is_an_error(name: str) -> None:
    with pytest.raises(LookupError, match="no module of this project"):
        source.behind(name)


@pytest.mark.parametrize(
    "name", ["src.audio", "src.model", "src.model.Cnn", "src.scheduler.Cosine", "src.audio.SILENCE"]
)
def test_modules_and_what_stands_in_them_have_files(name: str) -> None:
    assert source.behind(name)


def test_a_pretrained_front_end_depends_on_its_network() -> None:
    assert {"src/feature/musicnn.py", "src/pretrained/musicnn.py", "src/pretrained/weights.py"} <= source.behind(
        "src.feature.Musicnn"
    ).keys()


@pytest.mark.parametrize(
    ("changed", "computed_again"),
    [
        ("src/feature/mfcc.py", {"features"}),
        ("src/feature/spectrum.py", {"features"}),
        ("src/cutting.py", {"features"}),
        ("src/audio.py", {"sound", "measures"}),
        ("src/opened.py", {"sound", "measures"}),
        ("src/header.py", {"sound", "measures"}),
        ("src/decoding.py", {"sound"}),
        ("src/fingerprint.py", {"measures"}),
        ("src/hearing.py", {"measures"}),
        ("src/feature/chroma.py", set()),
        ("src/model/cnn.py", set()),
        ("src/run.py", set()),
    ],
)
def test_a_changed_file_invalidates_what_depends_on_it_and_nothing_else(
    changed: str, computed_again: set[str], tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [
        "dataset=manifest",
        f"dataset.path={tiny}",
        f"data.cache={tmp_path}",
        "feature=mfcc",
        "data.crop_seconds=1",
    ]
    config = configs.compose(*words)

    def cached() -> dict[str, set[str]]:
        data = run.compose_data(config)
        run.computed(config, data, choose(config.feature), torch.device("cpu"))
        catalogue.hear(data.corpus.clips, tmp_path, 30.0)
        with closing(sqlite3.connect(tmp_path / "heard.sqlite")) as store:
            measures = {str(key) for (key,) in store.execute("select key from heard")}
        sound, features = (
            {path.name for path in tmp_path.glob(f"{kind}-????????????")} for kind in ("wave", "feature")
        )
        return {"sound": sound, "features": features, "measures": measures}

    before = cached()
    assert all(before.values())
    assert cached() == before
    usual = source._digest
    monkeypatch.setattr(source, "_digest", lambda path: "new" if path == source.ROOT / changed else usual(path))
    after = cached()
    assert {kind for kind in before if after[kind] != before[kind]} == computed_again
