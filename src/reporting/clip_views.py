"""The parts of a run's page that show single clips: mistakes and correct predictions with their sound, and the map of clips."""

import base64
import io
from collections.abc import Mapping
from typing import Any

import matplotlib.image
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from src import formatting
from src.evaluation import run_analysis
from src.reporting import clip_map, opinions_text
from src.rundir import RunDir, extras, nested

MOST_MISTAKES = 12  # that the page shows, besides those with a sound
MOST_POINTS = 2_000  # of the map
COLOUR = (0.1, 0.5, 0.76)  # of spectrograms, visible on a light and on a dark page
WITHOUT_EMBEDDING = ("Tags", "Majority")  # models that compute nothing between the feature and the prediction


def sounds(run: RunDir) -> tuple[extras.Sounds | None, str]:
    """The excerpts of a run, and why there are none, "" if there are."""
    if run.is_evaluation:
        return None, ""
    try:
        found = extras.read_sounds(run.path)
    except ValueError as error:
        return None, str(error)
    if found is None:
        return None, (
            "This page has no sounds: the run is a job of a sweep, was trained with report.sounds=0, or was made with an earlier "
            "version, which saved none. Train it again with report.sounds=12 to hear its mistakes."
        )
    return found, ""


def clips_context(run: RunDir) -> dict[str, Any]:
    """The values of the sections on mistakes and on the map."""
    found, reason = sounds(run)
    predictions = run_analysis.clip_predictions(run)
    mistakes = [each for each in predictions if not each.correct]
    with_sound = set(found.path_of) if found else set()
    first = {each.clip for each in mistakes[:MOST_MISTAKES]}
    shown = [each for each in mistakes if each.clip in first | with_sound]
    correct = [each for each in predictions if each.correct and each.clip in with_sound]
    context: dict[str, Any] = {
        "mistakes": [_view(run, each, found) for each in shown],
        "mistakes_tied": _tied_mistakes(run, mistakes),
        "mistake_count": len(mistakes),
        "mistakes_with_sound": sum(each.clip in with_sound for each in shown),
        "correct": [_view(run, each, found) for each in correct],
        "has_sounds": bool(with_sound),
        "sounds_reason": reason,
        "sound_lines": _sound_lines(found) if found else [],
    }
    return {**context, **_maps(run, predictions, found)}


def _tied_mistakes(run: RunDir, mistakes: list[run_analysis.ClipPrediction]) -> int:
    """Count the mistakes whose prediction has as many votes as the true genre."""
    return sum(each.predicted in run.opinions[each.clip].tied for each in mistakes if each.clip in run.opinions)


def _view(run: RunDir, prediction: run_analysis.ClipPrediction, found: extras.Sounds | None) -> dict[str, Any]:
    """One clip with its sound, its spectrogram, the three likeliest genres and the votes of people."""
    view: dict[str, Any] = {"prediction": prediction, "sound": "", "image": "", "place": "", "reason": ""}
    opinions = run.opinions.get(prediction.clip)
    view |= {
        "votes": opinions_text.votes(opinions) if opinions else "",
        "label": opinions_text.label(opinions, prediction.true),
    }
    if found is None:
        return view
    view["reason"] = found.unreadable.get(prediction.clip, "")
    if prediction.clip in found.path_of:
        start, seconds = found.start_of[prediction.clip], found.seconds_of[prediction.clip]
        view["sound"] = found.path_of[prediction.clip]
        view["place"] = f"{start:.0f} to {start + seconds:.0f} s"
        view["image"] = _png(found.spectrogram_of[prediction.clip])
    return view


def _png(image_FN: NDArray[np.float64]) -> str:
    """A spectrogram (F, N) in [0, 1] as a data: URL, low frequencies at the bottom; its opacity is the level."""
    rgba = np.empty((*image_FN.shape, 4))
    rgba[..., :3], rgba[..., 3] = COLOUR, image_FN
    file = io.BytesIO()
    matplotlib.image.imsave(file, rgba[::-1], format="png")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _sound_lines(found: extras.Sounds) -> list[str]:
    """Describe which sounds are missing, and whose they are."""
    lines = []
    if found.no_room:
        lines.append(
            f"{formatting.count(found.no_room, 'clip')} more had no room: all sounds of a run together take 5 MB."
        )
    lines += [f"{clip} has no sound here: {reason}." for clip, reason in found.unreadable.items()]
    return lines


def _maps(
    run: RunDir, clip_predictions: list[run_analysis.ClipPrediction], found: extras.Sounds | None
) -> dict[str, Any]:
    """The maps of the test clips, or why there are none."""
    try:
        embedding = None if run.is_evaluation else extras.read_embedding(run.path, len(run.predictions.clips))
    except ValueError as error:
        return {"maps": [], "map_reason": str(error), "map_genres": [], "map_many": False}
    if embedding is None:
        return {"maps": [], "map_reason": _why_no_map(run), "map_genres": [], "map_many": False}
    predictions, by_clip = run.predictions, {each.clip: each for each in clip_predictions}
    index = {genre: k for k, genre in enumerate(predictions.genres)}
    path_of: Mapping[str, str] = found.path_of if found else {}
    rows = embedding.row_K.tolist()
    kept = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MOST_POINTS)).round().astype(int))
    if path_of:
        with_sound = [k for k, row in enumerate(rows) if predictions.clips[row] in path_of]
        kept = np.unique([*kept.tolist(), *with_sound])
    points = [_point(by_clip[predictions.clips[rows[k]]], index, path_of) for k in kept.tolist()]
    genres = predictions.genres
    pca_K2 = embedding.component_KD[kept][:, :2]
    if pca_K2.shape[1] == 1:  # a single component, e.g. of two training clips
        pca_K2 = np.column_stack((pca_K2, np.zeros(len(pca_K2))))
    explained = embedding.explained_D
    axes = f"across, the first principal component ({formatting.percent(float(explained[0]))} of the variance of the training clips)"
    if len(explained) > 1:
        axes += f"; up, the second ({formatting.percent(float(explained[1]))})"
    maps = [("pca", "Principal components", axes, pca_K2)]
    if embedding.umap_K2 is not None:
        text = "UMAP's axes have no meaning; it was fitted with a fixed random state"
        maps.append(("umap", "UMAP", text, embedding.umap_K2[kept]))
    return {
        "maps": [
            {
                "title": title,
                "figure": clip_map.draw(place_K2, points, len(genres), name),
                "axes": axes,
                "trust": clip_map.describe_trust(embedding.component_KD[kept], place_K2),
            }
            for name, title, axes, place_K2 in maps
        ],
        "map_reason": "",
        "map_many": len(genres) > clip_map.MOST_GENRES,
        "map_genres": [(k, genre, clip_map.legend(k)) for k, genre in enumerate(genres)]
        if len(genres) <= clip_map.MOST_GENRES
        else [(k, genre, Markup("")) for k, genre in enumerate(genres)],
        "map_clips": len(points),
        "map_all": len(predictions.clips),
        "map_fitted": embedding.fitted_clips,
        "map_components": len(explained),
        "map_explained": float(explained.sum()),
    }


def _point(each: run_analysis.ClipPrediction, index: Mapping[str, int], path_of: Mapping[str, str]) -> clip_map.Point:
    verdict = "recognized" if each.correct else f"predicted as {each.predicted}"
    text = f"{each.clip}: {each.true}, {verdict} with {formatting.percent(each.probability)}"
    return clip_map.Point(index[each.true], each.correct, text, path_of.get(each.clip, ""))


def _why_no_map(run: RunDir) -> str:
    """Why a run has no embedding."""
    if run.is_evaluation:
        return ""
    model = str(nested.get(run.config, "model._target_")).rpartition(".")[2]
    if model in WITHOUT_EMBEDDING:
        return (
            f"The model {model.lower()} computes nothing between the feature and its prediction that a map could show."
        )
    return (
        f"The map is missing: the run has no {extras.EMBEDDING}, as it was made with an earlier version, which did not save it. "
        "Train it again for a map of its test clips."
    )
