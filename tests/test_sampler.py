"""The order in which training hears its clips."""

from collections import Counter

from src.sampler import Balanced, Shuffled


def _order(clips: int, seed: int, epoch: int) -> list[int]:
    sampler = Shuffled(clips, seed)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_each_epoch_hears_every_clip_once() -> None:
    for epoch in range(5):
        assert sorted(_order(17, seed=3, epoch=epoch)) == list(range(17))
    assert len(Shuffled(17, 3)) == 17


def test_seed_and_epoch_alone_decide_the_order() -> None:
    sampler = Shuffled(50, 3)
    assert list(sampler) == list(sampler) == _order(50, seed=3, epoch=0)  # not how often it was asked
    orders = {tuple(_order(50, seed, epoch)) for seed in range(20) for epoch in range(20)}
    assert len(orders) == 400


def test_every_clip_comes_at_every_place_alike() -> None:
    orders = [_order(4, seed=0, epoch=epoch) for epoch in range(2000)]
    for place in range(4):
        for clip in range(4):
            share = sum(order[place] == clip for order in orders) / 2000
            assert abs(share - 0.25) < 0.045  # 4.6 standard errors


GENRES = [0] * 20 + [1] * 5 + [2] * 2  # of 27 training clips


def _balanced(crops: int, seed: int = 0, epoch: int = 0) -> list[int]:
    sampler = Balanced(crops, seed, GENRES)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_balanced_hears_every_genre_equally_often() -> None:
    for crops in (27, 54, 81, 100):
        order = _balanced(crops, epoch=crops)
        heard = Counter(GENRES[crop % len(GENRES)] for crop in order)
        assert len(order) == crops == len(Balanced(crops, 0, GENRES))
        assert max(heard.values()) - min(heard.values()) <= 1


def test_balanced_never_plays_the_same_cut_twice() -> None:
    for epoch in range(20):
        order = _balanced(81, epoch=epoch)
        assert len(set(order)) == 81
    clips = Counter(crop % len(GENRES) for crop in order)
    for genre in range(3):  # and a genre's clips come equally often, to within one
        heard = [clips[k] for k, of in enumerate(GENRES) if of == genre]
        assert max(heard) - min(heard) <= 1


def test_balanced_is_decided_by_seed_and_epoch_alone() -> None:
    assert _balanced(81) == _balanced(81)
    assert len({tuple(_balanced(81, seed, epoch)) for seed in range(5) for epoch in range(5)}) == 25


def test_a_genre_without_training_clips_is_passed_over() -> None:
    assert sorted(Balanced(4, 0, [2, 2, 5, 5])) == [0, 1, 2, 3]
