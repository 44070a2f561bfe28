"""Digests of source files: unknown names are errors, and a changed file affects only the results that depend on it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import torch

from src import config as configs
from src.instantiate import instantiate_choice
from src.quality import measure_cache
from src.rundir import code_digest
from src.training import setup


@pytest.mark.parametrize(
    "name", ["src.renamed_module", "src.model.Renamed", "src.model.cnn.Renamed", "src.renamed.Cnn", "renamed", ""]
)
def test_an_unknown_name_is_an_error(name: str) -> None:
    with pytest.raises(LookupError, match="no module of this project"):
        code_digest.digests_with_imports(name)


@pytest.mark.parametrize(
    "name", ["src.audio.reader", "src.model", "src.model.Cnn", "src.scheduler.Cosine", "src.audio.corrections.SILENCE"]
)
def test_modules_and_their_members_have_files(name: str) -> None:
    assert code_digest.digests_with_imports(name)


def test_a_pretrained_feature_depends_on_its_network_and_weights() -> None:
    assert {
        "src/feature/musicnn.py",
        "src/pretrained/musicnn.py",
        "src/pretrained/weights.py",
    } <= code_digest.digests_with_imports("src.feature.Musicnn").keys()


@pytest.mark.parametrize(
    ("changed_file", "recomputed"),
    [
        ("src/feature/mfcc.py", {"features"}),
        ("src/feature/spectrum.py", {"features"}),
        ("src/data/crops.py", {"features"}),
        ("src/audio/reader.py", {"sound", "measures"}),
        ("src/audio/corrections.py", {"sound", "measures"}),
        ("src/audio/excerpt.py", {"sound", "measures"}),
        ("src/audio/decoders.py", {"sound", "measures"}),
        ("src/audio/header.py", {"sound", "measures"}),
        ("src/data/decoding.py", {"sound"}),
        ("src/audio/fingerprint.py", {"measures"}),
        ("src/quality/measures.py", {"measures"}),
        ("src/feature/chroma.py", set()),
        ("src/model/cnn.py", set()),
        ("src/training/setup.py", set()),
    ],
)
def test_a_changed_file_invalidates_only_the_caches_that_depend_on_it(
    changed_file: str, recomputed: set[str], tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = [
        "dataset=manifest",
        f"dataset.path={tiny}",
        f"data.cache={tmp_path}",
        "feature=mfcc",
        "data.crop_seconds=1",
    ]
    config = configs.compose(*overrides)

    def cached() -> dict[str, set[str]]:
        data = setup.compose_data(config)
        setup.cached_feature(config, data, instantiate_choice(config.feature), torch.device("cpu"))
        measure_cache.measure_clips(data.corpus.clips, tmp_path, 30.0)
        with closing(sqlite3.connect(tmp_path / "measures.sqlite")) as store:
            measures = {str(key) for (key,) in store.execute("select key from measures")}
        sound, features = ({path.name for path in tmp_path.glob(f"{kind}-*")} for kind in ("sound", "feature"))
        return {"sound": sound, "features": features, "measures": measures}

    before = cached()
    assert all(before.values())
    assert cached() == before
    original_digest = code_digest._file_digest
    monkeypatch.setattr(
        code_digest,
        "_file_digest",
        lambda path: "new" if path == code_digest.ROOT / changed_file else original_digest(path),
    )
    after = cached()
    assert {kind for kind in before if after[kind] != before[kind]} == recomputed
