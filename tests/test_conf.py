"""Configs match the code: each choice can be built, each key is a parameter, and classes are named like their choices."""

import inspect
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import get_method, instantiate
from omegaconf import DictConfig, OmegaConf

from src import config as configs
from src.config import compose
from src.training import setup

CONF = Path(__file__).parents[1] / "conf"
NEEDED = {  # values that have no default
    "folder": ["dataset.root=somewhere"],
    "manifest": ["dataset.path=some.csv"],
    "fma": ["dataset.root=somewhere"],
    "gtzan": ["dataset.root=somewhere"],
    "jamendo": ["dataset.root=somewhere"],
    "ballroom": ["dataset.root=somewhere"],
    "transformers": [
        "feature.name=somewhere",
        "feature.sample_rate=16000",
    ],  # the rate is read from the network's files
}
LIBRARY_GROUPS = ("optimizer", "scheduler", "logger", "trainer")  # classes of libraries, or functions that build them
NULL_CHOICES = ("none", "default")
PRESETS = ("experiment", "launcher", "sweep")  # groups that set keys of other groups and of Hydra
pytestmark = pytest.mark.usefixtures("with_efficientat")
CHOICES = [(p.parent.name, p.stem) for p in sorted(CONF.glob("*/*.yaml")) if p.parent.name not in PRESETS]


def targets(config: Any) -> list[Any]:
    """All dicts with a `_target_` in a config, at any depth."""
    if isinstance(config, dict):
        own_node = [config] if "_target_" in config else []
        return own_node + [node for value in config.values() for node in targets(value)]
    return []


def composed(group: str, choice: str) -> DictConfig:
    return compose(f"{group}={choice}", *NEEDED.get(choice, []))


def test_every_group_has_a_default() -> None:
    config = compose()
    assert {group for group, _ in CHOICES} == set(config) - {"seed", "debug", "report"}


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_a_choice_can_be_built(group: str, choice: str, request: pytest.FixtureRequest) -> None:
    config = composed(group, choice)
    if choice == "transformers":
        config.feature.name = request.getfixturevalue("networks")("hubert")
    if group != "audio":  # audio has only numbers, which features use
        instantiate(
            OmegaConf.to_container(config, resolve=True)[group],
            _convert_="object",
            **(  # type: ignore[index,call-overload]
                {"dataset": None, "split": None, "sampler": None, "seed": 0} if group == "data" else {}
            ),
        )


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_every_key_is_a_real_parameter(group: str, choice: str) -> None:
    settings = OmegaConf.to_container(composed(group, choice), resolve=True)
    assert isinstance(settings, dict)
    nodes = targets(settings[group])
    assert nodes or group == "audio"
    for node in nodes:
        keys = {key for key in node if not key.startswith("_")}
        target = get_method(node["_target_"]) if not _is_class(node["_target_"]) else _class(node["_target_"])
        parameters = inspect.signature(target).parameters
        if node["_target_"] == "src.training.trainer.build_trainer":  # passes other settings on to Lightning
            import pytorch_lightning

            parameters = {**parameters, **inspect.signature(pytorch_lightning.Trainer).parameters}  # type: ignore[assignment]
        assert keys <= set(parameters), f"{node['_target_']} has no {keys - set(parameters)}"


@pytest.mark.parametrize(
    ("group", "choice"), [c for c in CHOICES if c[0] not in LIBRARY_GROUPS and c[1] not in NULL_CHOICES]
)
def test_the_class_is_named_like_the_choice(group: str, choice: str) -> None:
    settings = OmegaConf.to_container(composed(group, choice), resolve=True)
    nodes = targets(settings[group])  # type: ignore[index]
    own_targets = {node["_target_"] for node in nodes if node["_target_"].startswith("src.")}
    has_parts = "parts" in settings[group]  # type: ignore[index]
    is_preset = "defaults" in OmegaConf.load(CONF / group / f"{choice}.yaml")
    class_name = "".join(word.capitalize() for word in choice.split("_"))
    assert is_preset or has_parts or f"src.{group}.{class_name}" in own_targets


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_a_choice_starts_with_a_description(group: str, choice: str) -> None:
    lines = (CONF / group / f"{choice}.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")


@pytest.mark.parametrize("model", [choice for group, choice in CHOICES if group == "model"])
def test_yaml_holds_no_facts_about_the_data(model: str) -> None:
    """The numbers of genres and of feature rows come from the data and the feature."""
    overrides = ["experiment=tags"] if model == "tags" else [f"model={model}", "feature=mfcc", "feature.n_mfcc=13"]
    module = setup.build_module(compose(*overrides), genres=["a", "b", "c"], counts=[1, 1, 1])
    feature_BFN = torch.zeros(2, 100 if model == "tags" else 13, 44)
    assert module.eval().model(feature_BFN).shape == (2, 3)


def test_digests_ignore_settings_of_the_machine_and_no_others() -> None:
    default_digest = configs.digest(configs.resolved(compose()))
    for local in (
        "data.cache=elsewhere",
        "logger=csv",
        "debug=true",
        "trainer.accelerator=cpu",
        "trainer.strategy=ddp",
    ):
        assert configs.digest(configs.resolved(compose(local))) == default_digest, local
    trainer = ("trainer.threads=1", "trainer.precision=bf16-mixed", "trainer.devices=2", "trainer.num_nodes=2")
    for decisive in ("seed=1", "model=cnn", "optimizer.lr=0.01", *trainer):
        assert configs.digest(configs.resolved(compose(decisive))) != default_digest, decisive


def _is_class(dotted_name: str) -> bool:
    return dotted_name.rsplit(".", 1)[-1][0].isupper()


def _class(dotted_name: str) -> Any:
    from hydra.utils import get_class

    return get_class(dotted_name)
