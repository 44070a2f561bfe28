"""Common and swept settings of the groups of a sweep, and the grids that the swept settings form."""

from pathlib import Path

from src import rundir
from src.evaluation.groups import group_by_config
from src.evaluation.swept import chosen_by_validation, panels, swept_settings, validation_curves
from tests.reporting.sweeps import set_validation, write_grid
from tests.rundirs import config, write_run


def test_a_grid_has_a_column_for_each_swept_key_and_says_once_what_is_common(tmp_path: Path) -> None:
    write_grid(tmp_path, folds=1)
    found = swept_settings(group_by_config(rundir.find_runs(tmp_path)))
    assert set(found.keys) == {"optimizer.lr", "data.batch_size", "model.layers"}
    assert found.common == "cnn on mel; trainer.max_epochs 12"
    assert len({tuple(row.values()) for row in found.values}) == len(set(found.labels)) == 12
    row = dict(zip(found.labels, found.values, strict=True))
    label = next(label for label in row if row[label]["optimizer.lr"] == "0.005" and row[label]["model.layers"] == "5")
    assert "lr 0.005" in label
    assert "layers 5" in label


def test_models_are_a_column_and_their_own_settings_are_empty_for_others(tmp_path: Path) -> None:
    write_run(tmp_path / "a", config(model="Cnn"), clips=20)
    for cell in ("gru", "lstm"):
        write_run(tmp_path / cell, config(model="Rnn", model__cell=cell), clips=20)
    found = swept_settings(group_by_config(rundir.find_runs(tmp_path)))
    assert found.keys == ["model", "model.cell"]
    assert sorted(row["model.cell"] for row in found.values) == ["", "gru", "lstm"]
    assert sorted(found.labels) == ["cnn", "rnn, cell gru", "rnn, cell lstm"]
    assert found.common.startswith("on mel; optimizer.lr 0.001")
    assert panels(found) == []  # nothing but one number is swept


def test_the_grids_have_rates_in_rows_and_layers_in_columns_for_each_batch_size(tmp_path: Path) -> None:
    runs = write_grid(tmp_path, folds=1)
    del runs[0.005, 64, 5]
    groups = group_by_config([rundir.RunDir(run) for (run,) in runs.values()])
    grids = panels(swept_settings(groups))
    assert [(grid.title, grid.rows, grid.columns) for grid in grids] == [
        ("batch size 32", ["0.001", "0.005"], ["3", "4", "5"]),
        ("batch size 64", ["0.001", "0.005"], ["3", "4", "5"]),
    ]
    for grid, batch in zip(grids, (32, 64), strict=True):
        for rate, row in zip((0.001, 0.005), grid.groups, strict=True):
            for layers, group in zip((3, 4, 5), row, strict=True):
                paths = [run.path for run in group.runs] if group else None
                assert paths == runs.get((rate, batch, layers))


def test_validation_chooses_whatever_the_test_scores(tmp_path: Path) -> None:
    runs = write_grid(tmp_path, folds=1)
    groups = group_by_config([rundir.RunDir(run) for (run,) in runs.values()])
    chosen = chosen_by_validation(groups)
    assert chosen is not None
    assert chosen.runs[0].path == runs[0.005, 64, 4][0]
    assert chosen is not groups[0]  # the best on the test clips
    set_validation(runs[0.001, 32, 5][0], 0.95)
    again = chosen_by_validation(group_by_config([rundir.RunDir(run) for (run,) in runs.values()]))
    assert again is not None
    assert again.runs[0].path == runs[0.001, 32, 5][0]
    assert chosen_by_validation(groups[:1]) is None


def test_a_mean_curve_is_over_the_runs_that_reached_the_epoch(tmp_path: Path) -> None:
    for seed in range(2):
        write_run(tmp_path / str(seed), config(seed=seed), clips=20)
    history = tmp_path / "1" / rundir.HISTORY
    history.write_text("\n".join(history.read_text().splitlines()[:3]) + "\n")  # two epochs, instead of twelve
    text = history.read_text().replace("1.3", "9.9")
    [group] = group_by_config(rundir.find_runs(tmp_path))
    curve = validation_curves(group)["val_loss"]
    assert [epoch for epoch, _ in curve] == list(range(12))
    assert "val_loss" in text.splitlines()[0]
    assert curve[5][1] == group.runs[0].history[5]["val_loss"]
