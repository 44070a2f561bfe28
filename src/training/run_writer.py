"""Write the files of a run directory. `metrics.json` is written last: it marks a finished run."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from torch import Tensor

from src import metrics, rundir
from src.classifier.checkpoint import load_checkpoint
from src.classifier.classifier import UNCALIBRATED
from src.classifier.doubt import KEY
from src.data import fingerprints, opinions
from src.data.datamodule import GenreData
from src.dataset.opinions import leaders
from src.metrics import calibration
from src.metrics import opinions as measures
from src.plain_files import write_csv, write_json, write_text
from src.training import checkpoints
from src.training.evaluation import Evaluation
from src.training.module import GenreModule, Predictions

OPINION_COLUMNS = ("predicted", "model_entropy", "cross_entropy", "divergence")
SPLIT_COLUMNS = ("clip", "genre", "artist", "track", "set")


def split_rows(data: GenreData) -> list[dict[str, str | None]]:
    """The rows of split.csv: each clip with its set."""
    return [
        {
            "clip": clip.name,
            "genre": clip.genre,
            "artist": clip.artist or None,
            "track": clip.track or None,
            "set": subset,
        }
        for clip, subset in zip(data.clips, data.subsets, strict=True)
    ]


def write_inputs(folder: Path, settings: Mapping[str, Any], data: GenreData, environment: Mapping[str, Any]) -> None:
    """Write the inputs of a run, which are known before training.

    These are config.yaml, environment.json, split.csv, excluded.csv and, if there are notes on clips, notes.csv.
    """
    write_text(folder / rundir.CONFIG, OmegaConf.to_yaml(OmegaConf.create(dict(settings))))
    write_json(folder / rundir.ENVIRONMENT, environment, indent=2)
    write_csv(
        folder / rundir.SPLIT, SPLIT_COLUMNS, ([row[key] or "" for key in SPLIT_COLUMNS] for row in split_rows(data))
    )
    write_csv(
        folder / rundir.EXCLUDED, ("clip", "reason"), ((excluded.clip, excluded.reason) for excluded in data.excluded)
    )
    if data.notes:
        write_csv(folder / rundir.NOTES, ("clip", "note"), ((note.clip, note.note) for note in data.notes))
    else:
        (folder / rundir.NOTES).unlink(missing_ok=True)  # of an earlier run here, with other data


def write_calibration(folder: Path, module: GenreModule) -> None:
    """Write the module's temperature and doubt into best.ckpt. A killed process leaves the old file or the new one, never half a file."""
    checkpoint = load_checkpoint(folder / rundir.BEST)
    checkpoint["state_dict"].update({name: module.state_dict()[name].cpu() for name in UNCALIBRATED})
    checkpoint[KEY] = module.doubt.state()
    checkpoints.save(checkpoint, folder / rundir.BEST)


def write_results(
    folder: Path,
    evaluation: Evaluation,
    module: GenreModule,
    data: GenreData,
    seconds: float,
    epochs: int,
    identity: Mapping[str, str],
) -> dict[str, Any]:
    """Write predictions.csv, confusion.csv, opinions.csv and fingerprints.npz, the time of the end, and metrics.json last.

    `seconds` and `epochs` are the time and the number of epochs of training, resumed parts included; `identity` is the
    run's. Returns the content of metrics.json.
    """
    write_predictions(folder, evaluation.test, data)
    write_confusion(folder, evaluation.test, data)
    write_opinions(folder, evaluation.test, data)
    _write_fingerprints(folder, data)
    environment = rundir.RunDir(folder).environment
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    write_json(folder / rundir.ENVIRONMENT, {**environment, "finished": finished}, indent=2)
    content = {
        "schema": rundir.SCHEMA,
        **evaluation.scores,
        "doubt": evaluation.doubt,
        "temperature": evaluation.temperature,
        "worsened_by_calibration": calibration.worsened(evaluation.scores["test"]),
        "train_seconds": round(seconds, 3),
        "epochs": epochs,
        "best_epoch": evaluation.best_epoch if module.uses_gradients else None,
        "parameters": sum(p.numel() for p in module.parameters()),
        "passes": module.passes,
        "fitted": getattr(module.model, "fitted", None),
        "certificate": certificate(data, module),
        "dataset": data.corpus.name,
        "synthetic": data.corpus.synthetic,
        "identity": dict(identity),
    }
    write_json(folder / rundir.METRICS, content, indent=2)
    return content


def _write_fingerprints(folder: Path, data: GenreData) -> None:
    """Write the fingerprints of the training and validation clips, unless there are too many, for later evaluations."""
    clips = [k for k, subset in enumerate(data.subsets) if subset != "test"]
    if len(clips) <= fingerprints.MOST_CLIPS:
        computed = fingerprints.compute(data.waveforms, clips, data.sample_rate)
        fingerprints.write(folder / rundir.FINGERPRINTS, computed)


def certificate(data: GenreData, module: GenreModule) -> dict[str, Any]:
    """The split's certificate, with the corpus of a pretrained feature, whose artists are unknown, and the module's notes."""
    split_certificate = data.certificate
    return {
        **split_certificate,
        "pretrained": module.pretrained,
        "warnings": [*split_certificate["warnings"], *module.notes],
    }


def write_predictions(folder: Path, test: Predictions, data: GenreData) -> None:
    """Write predictions.csv: each test clip with its true and predicted genre and the calibrated probability of each genre."""
    probability_KC, predicted_K = test.logits.softmax(dim=1), test.logits.argmax(dim=1)
    columns = ("clip", "artist", "genre", "predicted", *(f"p_{genre}" for genre in data.genres))
    rows = [
        (clip.name, clip.artist or "", clip.genre, data.genres[predicted], *(f"{p:.6f}" for p in probability_C))
        for clip, predicted, probability_C in zip(
            [data.clips[k] for k in test.clip.tolist()], predicted_K.tolist(), probability_KC.tolist(), strict=True
        )
    ]
    write_csv(folder / rundir.PREDICTIONS, columns, rows)


def write_confusion(folder: Path, test: Predictions, data: GenreData) -> None:
    """Write confusion.csv, numbers of test clips: one row per true genre, one column per predicted genre."""
    counts_CC: Tensor = metrics.confusion(test.logits.argmax(dim=1), test.genre, len(data.genres))
    rows = ((genre, *counts_C) for genre, counts_C in zip(data.genres, counts_CC.tolist(), strict=True))
    write_csv(folder / rundir.CONFUSION, ("genre", *data.genres), rows)


def write_opinions(folder: Path, test: Predictions, data: GenreData) -> None:
    """Write opinions.csv, if several people have labelled the clips: all clips with the opinions on them.

    `tied` has the genres that are equally frequent, `labels` who gave which genre; `s_<genre>` are the shares. The entropy of
    the shares is in nats; test clips also have the entropy of the model and both differences between model and shares.
    """
    if not data.has_opinions:
        (folder / rundir.OPINIONS).unlink(missing_ok=True)  # of an earlier run here, with other data
        return
    probability_KC = test.logits.softmax(dim=1).cpu().double().numpy()
    row_of = {clip: row for row, clip in enumerate(test.clip.tolist())}
    share_KC = opinions.share_matrix(data.clips, data.genres)
    rows = []
    for k, (clip, subset) in enumerate(zip(data.clips, data.subsets, strict=True)):
        tied = leaders(clip.opinions) if clip.opinions else []
        labels = [f"{each.annotator}={each.genre}" for each in clip.opinions if each.annotator]
        model = [""] * 4
        if (row := row_of.get(k)) is not None:
            share_1C, probability_1C = share_KC[[k]], probability_KC[[row]]
            numbers = (measures.entropy(probability_1C), measures.cross_entropy(share_1C, probability_1C))
            values = (*numbers, measures.jensen_shannon(share_1C, probability_1C))
            model = [data.genres[int(probability_1C.argmax())], *(f"{float(value[0]):.6f}" for value in values)]
        people = f"{float(measures.entropy(share_KC[[k]])[0]):.6f}"
        shares = (f"{share:.6f}" for share in share_KC[k])
        names = ("|".join(tied) if len(tied) > 1 else "", "|".join(labels))
        rows.append((clip.name, subset, clip.genre, *names, people, *model, *shares))
    columns = ("clip", "set", "genre", "tied", "labels", "entropy", *OPINION_COLUMNS)
    write_csv(folder / rundir.OPINIONS, (*columns, *(f"s_{genre}" for genre in data.genres)), rows)
