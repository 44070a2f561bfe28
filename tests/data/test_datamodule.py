"""The data module: training crops, evaluation segments, sets, digest, and refused data."""

import csv
from collections import Counter
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor

from src.clip import Excluded
from src.data.crops import gather, spread_evenly
from src.data.datamodule import GenreData
from src.dataset import Manifest
from src.sampler import Shuffled
from src.split import Holdout, Official
from tests.conftest import RATE, tone, write

LENGTHS = [1000, 4000, 6000, 9000, 12001, 15000, 18000, 20000]  # samples
RAMP_RATE, CROP = 8000, 4000  # Hz; samples, half a second
FIRST = -10000  # value of a ramp's first sample; each next sample is one higher, so that a value gives a position

Build = Callable[..., GenreData]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """build(manifest, segments=1): the data of a manifest, with default settings except those that are passed."""

    def make(manifest: Path, **settings: Any) -> GenreData:
        defaults = {
            "dataset": Manifest(str(manifest), None),
            "split": Holdout(test=0.25, val=0.25, seed=0, grouped=True, allow_leak=False),
            "sampler": Shuffled,
            "crops": 1,
            "least_crops": 0,
            "preferred_genres": [],
            "sample_rate": RAMP_RATE,
            "batch_size": 4,
            "crop_seconds": CROP / RAMP_RATE,
            "segments": 3,
            "max_seconds": None,
            "strict": False,
            "resident": False,
            "cache": str(tmp_path / "cache"),
            "audit": None,
            "seed": 0,
        }
        return GenreData(**{**defaults, **settings})

    return make


def _manifest(folder: Path, rows: list[tuple[str, ...]], columns: str = "path,genre,artist") -> Path:
    with open(folder / "clips.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns.split(","), *rows])
    return folder / "clips.csv"


@pytest.fixture(scope="module")
def ramps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight clips of different lengths by eight artists, four of each genre; a sample's value gives its position."""
    folder = tmp_path_factory.mktemp("ramps")
    for k, length in enumerate(LENGTHS):
        write(folder / f"{k}.wav", (FIRST + np.arange(length)) / 32768, RAMP_RATE)
    return _manifest(folder, [(f"{k}.wav", ["even", "odd"][k % 2], f"artist {k}") for k in range(len(LENGTHS))])


def _positions(wave: Tensor) -> NDArray[np.int64]:
    """Positions of samples in their clip."""
    positions: NDArray[np.int64] = (wave * 32767).round().long().numpy() - FIRST
    return positions


def _starts(wave_BST: Tensor) -> list[list[int]]:
    """Position of the first sample of each crop or segment, after a check that its samples are consecutive."""
    positions = _positions(wave_BST)
    assert (np.diff(positions, axis=2) == 1).all()
    starts: list[list[int]] = positions[:, :, 0].tolist()
    return starts


def _equal(first: Any, second: Any) -> bool:
    return all(a is b or torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_batch_has_one_crop_a_clip_in_training_and_all_segments_in_evaluation(ramps: Path, build: Build) -> None:
    data = build(ramps)
    clip_B = torch.tensor([7, 2, 4])
    for batch, count in ((data.crop_batch(clip_B, 0), 1), (data.segment_batch(clip_B), 3)):
        assert batch.sound.shape == (3, count, CROP)
        assert batch.sound.dtype == torch.float32
        assert batch.genre.tolist() == [1, 0, 0]
        assert batch.clip.tolist() == [7, 2, 4]


def test_a_batch_has_the_samples_of_the_files(tiny: Path, build: Build) -> None:
    data = build(tiny, sample_rate=RATE, crop_seconds=2.0, segments=1)
    clip_B = torch.tensor([0, 9, 23])
    for batch in (data.segment_batch(clip_B), data.crop_batch(clip_B, 3)):
        for k, wave_ST in zip(clip_B.tolist(), batch.sound, strict=True):
            expected_T = soundfile.read(data.clips[k].path)[0]
            assert np.abs(wave_ST[0].numpy() - expected_T).max() <= 1 / 32767
            assert data.genres[batch.genre[batch.clip == k]] == data.clips[k].path.parent.name


def test_full_scale_samples_are_plus_and_minus_one(tmp_path: Path, build: Build) -> None:
    soundfile.write(tmp_path / "a.wav", np.tile([1.0, -1.0], CROP), RATE, subtype="FLOAT")
    tone(tmp_path / "b.wav")
    data = build(_manifest(tmp_path, [("a.wav", "a", "a"), ("b.wav", "b", "b")]), sample_rate=RATE)
    wave_T = data.segment_batch(torch.tensor([0])).sound[0, 0]
    assert (float(wave_T.max()), float(wave_T.min())) == (1.0, -1.0)


def test_a_crop_depends_only_on_seed_epoch_and_clip(ramps: Path, build: Build) -> None:
    data, other_settings = (
        build(ramps),
        build(ramps, batch_size=1, segments=1, split=Holdout(0.3, 0.3, 5, grouped=True, allow_leak=False)),
    )
    batch = data.crop_batch(torch.tensor([2, 5, 7]), epoch=4)
    torch.manual_seed(99)
    for row, k in enumerate((2, 5, 7)):
        single = other_settings.crop_batch(torch.tensor([k]), epoch=4)
        assert torch.equal(single.sound[0], batch.sound[row])
    other_epoch = data.crop_batch(torch.tensor([2, 5, 7]), epoch=5)
    other_seed = build(ramps, seed=1).crop_batch(torch.tensor([2, 5, 7]), epoch=4)
    starts = [_starts(crops.sound) for crops in (batch, other_epoch, other_seed)]
    assert starts[0] != starts[1] != starts[2] != starts[0]


def test_crops_start_anywhere_in_the_clip_and_end_within_it(ramps: Path, build: Build) -> None:
    data = build(ramps)
    clip_B = torch.arange(1, len(LENGTHS))  # the first is shorter than a crop
    starts = np.array([_starts(data.crop_batch(clip_B, epoch).sound) for epoch in range(300)])[:, :, 0]
    last_start = np.array(LENGTHS[1:]) - CROP
    assert (starts >= 0).all()
    assert (starts <= last_start).all()
    assert (starts[:, 0] == 0).all()  # a clip as long as a crop
    position = starts[:, 1:] / last_start[1:]  # 0 is the beginning, 1 the end
    assert position.min(axis=0) == pytest.approx(0, abs=0.03)
    assert position.max(axis=0) == pytest.approx(1, abs=0.03)
    assert position.mean(axis=0) == pytest.approx(0.5, abs=0.06)  # 3.6 standard errors of 300 uniform draws


@pytest.mark.parametrize("segments", [2, 3, 4, 7])
def test_segments_are_spread_evenly_from_beginning_to_end(segments: int, ramps: Path, build: Build) -> None:
    starts = _starts(build(ramps, segments=segments).segment_batch(torch.arange(1, len(LENGTHS))).sound)
    for length, clip_starts in zip(LENGTHS[1:], starts, strict=True):
        assert (clip_starts[0], clip_starts[-1]) == (0, length - CROP)
        assert clip_starts == pytest.approx(np.arange(segments) * (length - CROP) / (segments - 1), abs=0.5)


def test_a_single_segment_is_the_middle_of_the_clip(ramps: Path, build: Build) -> None:
    starts = _starts(build(ramps, segments=1).segment_batch(torch.arange(1, len(LENGTHS))).sound)
    assert [start for [start] in starts] == pytest.approx((np.array(LENGTHS[1:]) - CROP) / 2, abs=0.5)


def test_a_short_clip_is_repeated_to_fill_the_crop(ramps: Path, build: Build) -> None:
    data = build(ramps, crop_seconds=3500 / RAMP_RATE)
    expected = np.resize(np.arange(1000), 3500)
    for batch in (data.crop_batch(torch.tensor([0]), 3), data.segment_batch(torch.tensor([0]))):
        for wave_T in batch.sound[0]:
            np.testing.assert_array_equal(_positions(wave_T), expected)
    assert [build(ramps, crop_seconds=seconds).short_clip_count for seconds in (0.1, 0.2, 0.5, 0.51, 9)] == [
        0,
        1,
        1,
        2,
        8,
    ]


def test_max_seconds_selects_the_middle_of_each_clip(ramps: Path, build: Build) -> None:
    starts = _starts(build(ramps, max_seconds=1, segments=2).segment_batch(torch.tensor([7])).sound)
    assert starts == [[6000, 10000]]  # the middle 8,000 of 20,000 samples


def test_a_copy_of_the_samples_on_the_device_gives_equal_batches(ramps: Path, build: Build) -> None:
    mapped, resident, auto = (build(ramps, resident=setting) for setting in (False, True, "auto"))
    clip_B = torch.arange(len(LENGTHS))
    for other in (resident, auto):
        assert _equal(mapped.crop_batch(clip_B, 2), other.crop_batch(clip_B, 2))
        assert _equal(mapped.segment_batch(clip_B), other.segment_batch(clip_B))
    [not_copied], [copied] = mapped.source.waveforms_for.values(), resident.source.waveforms_for.values()
    assert not_copied is mapped.waveforms
    assert copied.pieces.keys() == {0}


def test_batches_gathered_on_a_device_are_those_that_are_cut(ramps: Path, build: Build) -> None:
    """As on a GPU, but on the CPU; with clips that are shorter than a crop."""
    data = build(ramps)
    copied, clips = data.waveforms.copied_to(torch.device("cpu")), list(range(len(LENGTHS)))
    starts = [spread_evenly(data.source._last_start(k), 3) for k in clips]
    gathered = gather(copied, clips, starts, data.crop_length)
    assert torch.equal(gathered, build(ramps, segments=3).segment_batch(torch.tensor(clips)).sound)


def test_an_unknown_value_of_resident_is_refused(ramps: Path, build: Build) -> None:
    with pytest.raises(ValueError, match=r"^data.resident is 'always': expected auto, true or false\.$"):
        build(ramps, resident="always")


def test_training_batches_are_crops_and_other_batches_are_segments(ramps: Path, build: Build) -> None:
    data, clip_B = build(ramps), torch.tensor([3, 6])
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    data.trainer = SimpleNamespace(training=True, current_epoch=7, strategy=strategy)  # type: ignore[assignment]
    assert _equal(data.on_after_batch_transfer(clip_B, 0), data.crop_batch(clip_B, 7))
    data.trainer = SimpleNamespace(training=False, current_epoch=7, strategy=strategy)  # type: ignore[assignment]
    assert _equal(data.on_after_batch_transfer(clip_B, 0), data.segment_batch(clip_B))


def test_the_training_order_depends_only_on_seed_and_epoch(tiny: Path, build: Build) -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        loader = build(tiny, seed=seed).train_dataloader()
        loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        return [batch.tolist() for batch in loader]

    first = order(seed=0, epoch=0)
    torch.manual_seed(1)
    assert order(seed=0, epoch=0) == first
    assert order(seed=0, epoch=1) != first
    assert order(seed=1, epoch=0) != first
    assert sorted(chain.from_iterable(first)) == build(tiny).clips_in("train")
    assert [len(batch) for batch in first] == [4, 4, 4]


def test_several_processes_share_the_training_batches_and_fit_to_all_clips(tiny: Path, build: Build) -> None:
    def batches(rank: int, processes: int) -> list[list[int]]:
        data = build(tiny)
        data.trainer = SimpleNamespace(global_rank=rank, world_size=processes)  # type: ignore[assignment]
        assert list(chain.from_iterable(b.tolist() for b in data.fixed_dataloader("train"))) == data.clips_in("train")
        return [batch.tolist() for batch in data.train_dataloader()]

    whole = batches(0, 1)
    assert [len(batch) for batch in whole] == [4, 4, 4]
    shares = zip(batches(0, 2), batches(1, 2), strict=True)
    assert [sorted(first + second) for first, second in shares] == [sorted(batch) for batch in whole]


def test_an_epoch_has_as_many_crops_of_each_clip_as_fit_into_it(tiny: Path, build: Build) -> None:
    """Four crops of half a second fit into a clip of 2 s; all four differ and have the genre of their clip."""
    data = build(tiny, crops="auto")
    assert data.crops_per_clip == 4
    assert build(tiny, crops=7).crops_per_clip == 7
    crop_M = torch.tensor([number for batch in data.train_dataloader() for number in batch.tolist()])
    batch = data.crop_batch(crop_M, epoch=0)
    assert Counter(batch.clip.tolist()) == dict.fromkeys(data.clips_in("train"), 4)
    assert torch.equal(batch.genre, data.genre[batch.clip])
    for k in data.clips_in("train"):
        crops = batch.sound[batch.clip == k][:, 0]
        assert len(torch.unique(crops, dim=0)) == 4


@pytest.mark.parametrize("count", [0, -1, True, 1.5, "many"])
def test_an_invalid_number_of_crops_or_segments_is_refused(tiny: Path, build: Build, count: object) -> None:
    for key in ("crops", "segments"):
        with pytest.raises(ValueError, match=f"data.{key} is .*: expected auto, or a whole number of 1 or more."):
            build(tiny, **{key: count})


def test_evaluation_loaders_give_each_clip_of_their_set_once_in_order(tiny: Path, build: Build) -> None:
    data = build(tiny)
    val, test = data.predict_dataloader()
    for loader, subset in ((data.val_dataloader(), "val"), (val, "val"), (test, "test")):
        batches = [batch.tolist() for batch in loader]
        assert list(chain.from_iterable(batches)) == data.clips_in(subset)
        # 3 segments each: about as many segments as a training batch has crops.
        assert {len(batch) for batch in batches} == {2}
    assert sorted(data.clips_in("train") + data.clips_in("val") + data.clips_in("test")) == list(range(24))


def test_genres_counts_and_certificate_describe_the_clips(tiny: Path, build: Build) -> None:
    data = build(tiny, sample_rate=RATE)
    assert data.genres == ["bell", "drone", "snare"]
    assert data.genre.tolist() == [0] * 8 + [1] * 8 + [2] * 8
    assert data.counts == [4, 4, 4]
    assert (data.short_clip_count, data.excluded) == (0, [])
    assert data.certificate["sets"]["train"] == {"clips": 12, "tracks": 12, "artists": 6}
    assert data.certificate["allow_leak"] is False


def test_the_digest_depends_only_on_sound_labels_and_split(tmp_path: Path, build: Build) -> None:
    rows = [(f"{k}.wav", "ab"[k % 2], f"artist {k}") for k in range(8)]
    for k in range(8):
        tone(tmp_path / f"{k}.wav", hz=100 + k, rate=RAMP_RATE)
    digest = build(_manifest(tmp_path, rows)).digest
    assert build(_manifest(tmp_path, rows), cache=str(tmp_path / "other"), resident=True, batch_size=2).digest == digest
    changed = [
        build(_manifest(tmp_path, [("0.wav", "b", "artist 0"), *rows[1:]])).digest,
        build(_manifest(tmp_path, [("0.wav", "a", "another"), *rows[1:]])).digest,
        build(_manifest(tmp_path, rows[1:])).digest,
        build(_manifest(tmp_path, rows), split=Holdout(0.25, 0.25, 1, grouped=True, allow_leak=False)).digest,
        build(_manifest(tmp_path, rows), sample_rate=RAMP_RATE // 2).digest,
    ]
    tone(tmp_path / "0.wav", hz=101.5, rate=RAMP_RATE, seconds=1.1)
    changed.append(build(_manifest(tmp_path, rows)).digest)
    assert len({digest, *changed}) == 7


def test_unusable_clips_are_excluded_with_their_reason(tmp_path: Path, build: Build) -> None:
    for k in range(8):
        tone(tmp_path / f"{k}.wav", hz=100 + k, rate=RAMP_RATE)
    (tmp_path / "3.wav").write_text("not a song")
    manifest = _manifest(tmp_path, [(f"{k}.wav", "ab"[k % 2], f"artist {k}") for k in range(8)])
    data = build(manifest)
    reason = "contains text, not sound"
    assert data.excluded == [Excluded("3.wav", reason)]
    assert [clip.name for clip in data.clips] == [f"{k}.wav" for k in (0, 1, 2, 4, 5, 6, 7)]
    assert data.genre.tolist() == [0, 1, 0, 0, 1, 0, 1]
    with pytest.raises(
        ValueError, match=r"^3.wav: contains text, not sound. To leave out such clips, set data.strict=false\.$"
    ):
        build(manifest, strict=True).waveforms  # noqa: B018


def test_a_genre_without_usable_clips_is_refused(tmp_path: Path, build: Build) -> None:
    tone(tmp_path / "a.wav", rate=RAMP_RATE)
    (tmp_path / "b.wav").write_bytes(b"")
    manifest = _manifest(tmp_path, [("a.wav", "jazz", "A"), ("b.wav", "rock", "B")])
    with pytest.raises(ValueError, match=r"^No usable clip is left of rock \(b.wav: an empty file \(0 bytes\)\)\. Fix"):
        build(manifest).waveforms  # noqa: B018


def test_a_single_genre_is_refused(tmp_path: Path, build: Build) -> None:
    tone(tmp_path / "a.wav", rate=RAMP_RATE)
    with pytest.raises(ValueError, match=r"^clips has one genre, jazz: at least two genres are needed\."):
        build(_manifest(tmp_path, [("a.wav", "jazz", "A")])).corpus  # noqa: B018


def test_an_empty_set_is_refused_before_anything_is_decoded(tmp_path: Path, build: Build) -> None:
    for k in range(4):
        tone(tmp_path / f"{k}.wav", hz=100 + k, rate=RAMP_RATE)
    manifest = _manifest(tmp_path, [(f"{k}.wav", "ab"[k % 2], f"artist {k}") for k in range(4)])
    with pytest.raises(ValueError, match=r"^The test set of the split \(holdout, .*\) has none of the 4 clips\."):
        build(manifest).subsets  # noqa: B018
    manifest = _manifest(tmp_path, [(f"{k}.wav", "ab"[k % 2], "val") for k in range(4)], columns="path,genre,split")
    with pytest.raises(ValueError, match=r"^The train set of the split \(official, .*\) has none of the 4 clips"):
        build(manifest, split=Official(file=None, seed=0, allow_leak=False)).subsets  # noqa: B018
    assert not (tmp_path / "cache").exists()


def test_a_leak_is_refused_unless_it_is_allowed(tiny: Path, build: Build) -> None:
    data = build(tiny, split=Holdout(test=0.25, val=0.25, seed=0, grouped=False, allow_leak=False))
    with pytest.raises(ValueError, match=r"^The split \(random over clips, .*\) leaks: .* artists \(bell-"):
        data.certificate  # noqa: B018
    allowed = build(tiny, split=Holdout(test=0.25, val=0.25, seed=0, grouped=False, allow_leak=True)).certificate
    assert allowed["allow_leak"] is True
    assert len(allowed["shared"]["artists"]) > 0


def test_identical_clips_with_other_names_are_a_leak(tmp_path: Path, build: Build) -> None:
    for k in range(8):
        tone(tmp_path / f"{k}.wav", hz=100 + k, rate=RAMP_RATE)
    soundfile.write(tmp_path / "copy.flac", soundfile.read(tmp_path / "0.wav", dtype="int16")[0], RAMP_RATE)
    subsets = ["train", "test", "val", "train", "test", "val", "train", "train"]
    rows = [(f"{k}.wav", "ab"[k % 2], f"artist {k}", subset) for k, subset in enumerate(subsets)]
    manifest = _manifest(tmp_path, [*rows, ("copy.flac", "a", "somebody", "test")], columns="path,genre,artist,split")
    data = build(manifest, split=Official(file=None, seed=0, allow_leak=False))
    with pytest.raises(ValueError, match=r"share 1 group of byte-identical clips \(0.wav = copy.flac\)\. A score"):
        data.certificate  # noqa: B018


def test_the_targets_are_the_shares_of_opinions(build: Build, tmp_path: Path) -> None:
    opinions = {name: ("jazz" if name in "ace" else "rock",) * 4 for name in "abcdef"}
    opinions["a"] = ("jazz", "jazz", "jazz", "rock")
    lines = ["path,artist,genre_1,genre_2,genre_3,genre_4"]
    for name, genres in opinions.items():
        tone(tmp_path / f"{name}.wav", hz=300 + 50 * ord(name))
        lines.append(f"{name}.wav,{name},{','.join(genres)}")
    (tmp_path / "opinions.csv").write_text("\n".join(lines), encoding="utf-8")
    data = build(tmp_path / "opinions.csv")
    clip = [each.name for each in data.clips].index("a.wav")
    batch = data.crop_batch(torch.tensor([clip]), epoch=0)
    assert batch.target is not None
    assert batch.target.tolist() == [[0.75, 0.25]]
    assert (data.genres, batch.genre.tolist()) == (["jazz", "rock"], [0])
    majority = build(tmp_path / "opinions.csv", dataset=Manifest(str(tmp_path / "opinions.csv"), targets="majority"))
    assert majority.crop_batch(torch.tensor([clip]), epoch=0).target is None
    assert majority.has_opinions
    rows = [f"{name}.wav,{name},{genres[0]}" for name, genres in opinions.items()]
    (tmp_path / "majority.csv").write_text("\n".join(["path,artist,genre", *rows]), encoding="utf-8")
    plain = build(tmp_path / "majority.csv")
    assert plain.crop_batch(torch.tensor([clip]), epoch=0).target is None
    assert data.digest == majority.digest
    assert data.digest != plain.digest  # a run on other opinions is another run
