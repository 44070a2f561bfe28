"""Effects of groups of rows for models whose answer is known, and against captum."""

import numpy as np
import pytest
import torch
from captum.attr import FeatureAblation, ShapleyValues

from src.explanation import grouped_occlusion
from src.explanation.grouped_occlusion import decompose
from src.explanation.row_groups import RowGroup
from tests.explanation.known_models import known_model

TIMBRE, HARMONY, LEVEL = RowGroup("timbre", (0, 1)), RowGroup("harmony", (2,)), RowGroup("level", (3,))
GROUPS = [TIMBRE, HARMONY, LEVEL]
WEIGHT_F = torch.tensor([1.0, -2.0, 0.5, 4.0])


def test_effects_of_a_linear_model_are_weights_times_distances_from_the_mean() -> None:
    model = known_model(lambda row_BF: row_BF @ WEIGHT_F + 7, [1.0, 0.0, 2.0, 0.0])
    value_SFN = torch.tensor([[[3.0], [1.0], [0.0], [0.25]]]).repeat(2, 1, 5)
    effects = grouped_occlusion.explain(model, value_SFN, GROUPS, genre=0, rival=1)
    expected = [1 * 2 - 2 * 1, 0.5 * -2, 4 * 0.25]
    for values in (effects.alone, effects.without, effects.share):
        assert values.tolist() == pytest.approx(expected)
    assert effects.interaction == pytest.approx(0)
    assert effects.margin == pytest.approx(3 - 2 + 0 + 1 + 7)
    assert effects.total == pytest.approx(sum(expected))


def test_effects_change_sign_with_the_roles_of_genre_and_rival() -> None:
    model = known_model(lambda row_BF: row_BF @ WEIGHT_F, [0.0] * 4)
    value_SFN = torch.ones(1, 4, 1)
    one = grouped_occlusion.explain(model, value_SFN, GROUPS, genre=0, rival=1)
    other = grouped_occlusion.explain(model, value_SFN, GROUPS, genre=1, rival=0)
    assert one.share.tolist() == pytest.approx((-other.share).tolist())


def test_the_effect_of_a_product_is_all_interaction() -> None:
    model = known_model(lambda row_BF: 3 * row_BF[:, 2] * row_BF[:, 3], [0.0] * 4)  # XOR of signs
    for sign in (1.0, -1.0):
        value_SFN = torch.tensor([[[5.0], [5.0], [sign], [sign]]])
        effects = grouped_occlusion.explain(model, value_SFN, GROUPS, genre=0, rival=1)
        assert effects.alone.tolist() == pytest.approx([0, 0, 0])
        assert effects.interaction == pytest.approx(effects.total) == pytest.approx(3)
        assert effects.share.tolist() == pytest.approx([0, 1.5, 1.5])
        assert effects.without.tolist() == pytest.approx([0, 3, 3])  # without either factor, all is lost


def test_a_saturated_model_needs_no_single_group() -> None:
    model = known_model(lambda row_BF: row_BF[:, 2:].amax(dim=1), [0.0] * 4)
    effects = grouped_occlusion.explain(model, torch.ones(1, 4, 1), GROUPS, genre=0, rival=1)
    assert effects.without.tolist() == pytest.approx([0, 0, 0])  # the other group is enough
    assert effects.alone.tolist() == pytest.approx([0, 1, 1])
    assert effects.interaction == pytest.approx(-1)
    assert effects.share.tolist() == pytest.approx([0, 0.5, 0.5])


def test_effects_equal_those_of_captum() -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)).requires_grad_(False)
    mean_F, value_F = torch.randn(4), torch.randn(4)

    def margin(row_BF: torch.Tensor) -> torch.Tensor:
        margin_B: torch.Tensor = network(row_BF)[:, 0]
        return margin_B

    model = known_model(margin, mean_F.tolist())
    effects = grouped_occlusion.explain(model, value_F[None, :, None], GROUPS, genre=0, rival=1)
    mask_F = torch.tensor([[0, 0, 1, 2]])
    settings = {"baselines": mean_F[None], "feature_mask": mask_F}
    shapley_F = ShapleyValues(margin).attribute(value_F[None], **settings)[0]
    ablation_F = FeatureAblation(margin).attribute(value_F[None], **settings)[0]
    assert effects.share.tolist() == pytest.approx(shapley_F[1:].tolist(), abs=1e-5)
    assert effects.without.tolist() == pytest.approx(ablation_F[1:].tolist(), abs=1e-5)


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model = known_model(lambda row_BF: (row_BF @ WEIGHT_F).sin(), [0.1] * 4)
    value_SFN = torch.randn(3, 4, 2, generator=torch.Generator().manual_seed(0))
    whole = grouped_occlusion.explain(model, value_SFN, GROUPS, 0, 1)
    monkeypatch.setattr(grouped_occlusion, "BATCH_VALUES", 1)
    assert grouped_occlusion.explain(model, value_SFN, GROUPS, 0, 1).share.tolist() == pytest.approx(
        whole.share.tolist()
    )


@pytest.mark.parametrize("count", [2, 3, 5])
def test_shares_add_up_to_the_total(count: int) -> None:
    margin = np.random.default_rng(count).normal(size=2**count)
    effects = decompose([str(g) for g in range(count)], margin)
    assert effects.share.sum() == pytest.approx(effects.total) == pytest.approx(margin[-1] - margin[0])


def test_one_group_and_too_many_groups_are_refused() -> None:
    model = known_model(lambda row_BF: row_BF[:, 0], [0.0] * 4)
    with pytest.raises(ValueError, match=r"are 1 group \(timbre\): expected 2 to 8"):
        grouped_occlusion.explain(model, torch.zeros(1, 4, 1), [TIMBRE], 0, 1)
    with pytest.raises(ValueError, match="are 9 groups"):
        grouped_occlusion.explain(model, torch.zeros(1, 4, 1), [TIMBRE] * 9, 0, 1)
