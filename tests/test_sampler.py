"""Samplers: the order of the training crops, the frequency of each genre, and the share of each process."""

from collections import Counter

import pytest

from src.sampler import Balanced, Share, Shuffled


def _order(crops: int, seed: int, epoch: int) -> list[int]:
    sampler = Shuffled(crops, seed)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_each_epoch_has_every_crop_once() -> None:
    for epoch in range(5):
        assert sorted(_order(17, seed=3, epoch=epoch)) == list(range(17))
    assert len(Shuffled(17, 3)) == 17


def test_the_order_depends_on_seed_and_epoch_only() -> None:
    sampler = Shuffled(50, 3)
    assert list(sampler) == list(sampler) == _order(50, seed=3, epoch=0)  # not on the number of iterations before
    orders = {tuple(_order(50, seed, epoch)) for seed in range(20) for epoch in range(20)}
    assert len(orders) == 400


def test_every_crop_is_equally_often_at_every_position() -> None:
    orders = [_order(4, seed=0, epoch=epoch) for epoch in range(2000)]
    for position in range(4):
        for crop in range(4):
            share = sum(order[position] == crop for order in orders) / 2000
            assert abs(share - 0.25) < 0.045  # 4.6 standard errors


GENRES = [0] * 20 + [1] * 5 + [2] * 2  # the genres of 27 training clips


def _balanced(crops: int, seed: int = 0, epoch: int = 0) -> list[int]:
    sampler = Balanced(crops, seed, GENRES)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_balanced_has_every_genre_equally_often() -> None:
    for crops in (27, 54, 81, 100):
        order = _balanced(crops, epoch=crops)
        counts = Counter(GENRES[crop % len(GENRES)] for crop in order)
        assert len(order) == crops == len(Balanced(crops, 0, GENRES))
        assert max(counts.values()) - min(counts.values()) <= 1


def test_balanced_never_repeats_a_crop() -> None:
    for epoch in range(20):
        order = _balanced(81, epoch=epoch)
        assert len(set(order)) == 81
    clips = Counter(crop % len(GENRES) for crop in order)
    for genre in range(3):  # the clips of a genre are equally often, to within one
        counts = [clips[k] for k, clip_genre in enumerate(GENRES) if clip_genre == genre]
        assert max(counts) - min(counts) <= 1


def test_the_order_of_balanced_depends_on_seed_and_epoch_only() -> None:
    assert _balanced(81) == _balanced(81)
    assert len({tuple(_balanced(81, seed, epoch)) for seed in range(5) for epoch in range(5)}) == 25


def test_balanced_skips_a_genre_without_training_clips() -> None:
    assert sorted(Balanced(4, 0, [2, 2, 5, 5])) == [0, 1, 2, 3]


@pytest.mark.parametrize("crops", [24, 25, 31])
def test_the_shares_of_all_processes_are_the_batches_of_one(crops: int) -> None:
    batch_size, processes = 12, 3
    whole = Balanced(crops, seed=5, clip_genres=[0, 1, 1, 2])
    shares = [Share(Balanced(crops, seed=5, clip_genres=[0, 1, 1, 2]), rank, processes) for rank in range(processes)]
    for sampler in (whole, *shares):
        sampler.set_epoch(7)
    order, orders = list(whole), [list(share) for share in shares]
    assert [len(share) for share in shares] == [len(order) for order in orders] == [crops // 3] * 3
    own = batch_size // processes
    for first in range(0, crops // 3 * 3, batch_size):
        together = sorted(crop for order in orders for crop in order[first // 3 : first // 3 + own])
        assert together == sorted(order[: crops // 3 * 3][first : first + batch_size])  # no crop twice


def test_an_epoch_with_fewer_crops_than_processes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^An epoch has 3 crops, fewer than the 4 processes: lower trainer\.devices"):
        Share(Shuffled(3, seed=0), rank=0, ranks=4)
