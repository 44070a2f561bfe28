"""The order in which training hears its clips."""

from src.sampler import Shuffled


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
