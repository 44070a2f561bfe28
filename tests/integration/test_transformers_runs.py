"""Runs on networks of the user's: cached, found again by name, checked by a known answer, and refused if they want code."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from hydra import compose, initialize_config_dir

from src import predict, rundir
from src.classifier.weights import record_digests
from src.config import digest, resolved
from src.inference.recognizer import Recognizer
from tests import tiny_networks
from tests.conftest import ROOT
from tests.programs import small, train

COMPUTED = "Computing the frozen feature, once"  # on standard error, where it is not read from the cache


def arguments(manifest: Path, folder: Path, name: str | Path, *others: str) -> list[str]:
    """A small training on the embeddings of a network."""
    without_width = [word for word in small(manifest, folder) if word != "model.width=4"]
    return [*without_width, "feature=transformers", f"feature.name={name}", "augmentation=none", "model=head", *others]


@pytest.fixture(scope="module")
def run(tiny: Path, networks: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on all layers of a network, which is beside it in the folder `network`."""
    parent = tmp_path_factory.mktemp("transformers")
    shutil.copytree(networks("wav2vec2"), parent / "network")
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *arguments(tiny, parent / "run", parent / "network", "feature.layer=all")) == 0
    return parent / "run"


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    """A copy of the run and of its network, to be changed."""
    shutil.copytree(run.parent / "network", tmp_path / "network")
    folder = Path(shutil.copytree(run, tmp_path / "run"))
    set_key(folder, "name", str(tmp_path / "network"))
    return folder


def set_key(run: Path, key: str, value: object) -> None:
    content = yaml.safe_load((run / rundir.CONFIG).read_text(encoding="utf-8"))
    content["feature"][key] = value
    (run / rundir.CONFIG).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def song(tiny: Path) -> str:
    return str(next(tiny.parent.glob("*/*.wav")))


def test_the_sample_rate_follows_the_network(run: Path) -> None:
    config = rundir.RunDir(run).config
    assert config["feature"]["sample_rate"] == config["audio"]["sample_rate"] == config["data"]["sample_rate"] == 16000


def test_the_weights_of_the_layers_are_trained_and_the_network_is_not_saved(run: Path) -> None:
    state = torch.load(run / rundir.BEST, weights_only=True)["state_dict"]
    assert [name for name in state if name.startswith("feature.")] == ["feature.layer_weight", "feature.known_answer"]
    assert state["feature.layer_weight"].abs().max() > 0
    assert rundir.RunDir(run).metrics["parameters"] == 3 + 16 * 3 + 3  # layers; weights and biases of the head


def test_predict_gives_the_probabilities_that_the_run_wrote(
    run: Path, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    of_run = rundir.RunDir(run).predictions
    assert predict.main([*(str(tiny.parent / clip) for clip in of_run.clips), "--run", str(run)]) == 0
    predictions = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for prediction, expected_C in zip(predictions, of_run.probability_KC, strict=True):
        found_C = [prediction["probabilities"][genre] for genre in of_run.genres]
        assert found_C == pytest.approx(list(expected_C), abs=1e-3)


@pytest.mark.parametrize("model", ["head", "svm"])
def test_layers_are_cached_for_all_models_until_the_weights_change(
    run: Path,
    tiny: Path,
    model: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cache = f"data.cache={shutil.copytree(run.parent / 'cache', tmp_path / 'cache')}"
    network = run.parent / "network"
    command = arguments(tiny, tmp_path / "a", network, "feature.layer=all", f"model={model}", "seed=1", cache)
    assert train(monkeypatch, *command) == 0
    assert COMPUTED not in capsys.readouterr().err
    original = (network / "model.safetensors").read_bytes()
    try:
        tiny_networks.write(network, "wav2vec2", seed=1)
        assert train(monkeypatch, *command, f"hydra.run.dir={tmp_path / 'b'}", "seed=2") == 0
    finally:
        (network / "model.safetensors").write_bytes(original)
    assert COMPUTED in capsys.readouterr().err


def test_other_weights_make_another_run(copy: Path) -> None:
    configs = []
    for seed in (0, 1):
        tiny_networks.write(copy.parent / "network", "wav2vec2", seed=seed)
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            config = compose("train", ["feature=transformers", f"feature.name={copy.parent / 'network'}"])
        record_digests(config)
        configs.append(resolved(config))
    assert len({digest(config) for config in configs}) == 2
    configs[0]["feature"]["name"] = "elsewhere"
    assert len({digest(config) for config in configs}) == 2
    configs[1]["feature"]["sha256"] = configs[0]["feature"]["sha256"]
    assert len({digest(config) for config in configs}) == 1


def test_the_certificate_names_the_network(run: Path) -> None:
    assert rundir.RunDir(run).metrics["certificate"]["pretrained"] == f"the data of {run.parent / 'network'}"


def test_other_weights_in_the_folder_are_refused(copy: Path, tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert predict.main([song(tiny), "--run", str(copy)]) == 0
    tiny_networks.write(copy.parent / "network", "wav2vec2", seed=1)
    capsys.readouterr()
    assert predict.main([song(tiny), "--run", str(copy)]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"predict: {copy}: the network {copy.parent / 'network'} answers otherwise than when")
    assert len(error.splitlines()) == 1


def test_a_missing_folder_gets_one_message(copy: Path, tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(copy.parent / "network")
    assert predict.main([song(tiny), "--run", str(copy)]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"predict: {copy}: The network {copy.parent / 'network'} is no folder here")
    assert len(error.splitlines()) == 1


def test_a_run_cannot_allow_the_code_of_a_network(
    copy: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    network, canary = copy.parent / "network", tmp_path / "canary"
    code = f"from pathlib import Path\nfrom transformers import Wav2Vec2Model as Own\nPath({str(canary)!r}).mkdir()\n"
    (network / "own.py").write_text(code, encoding="utf-8")
    path = network / "config.json"
    content = {**json.loads(path.read_text()), "auto_map": {"AutoModel": "own.Own"}}
    path.write_text(json.dumps(content), encoding="utf-8")
    config = (copy / rundir.CONFIG).read_text(encoding="utf-8")
    set_key(copy, "trust_remote_code", True)
    assert predict.main([song(tiny), "--run", str(copy)]) == 1
    error = capsys.readouterr().err
    assert "feature wants to run Python code that comes with the network" in error
    assert "If you trust the authors of this network, give its name: --trust NAME" in error
    assert len(error.splitlines()) == 1
    with pytest.raises(ValueError, match="wants to run Python code"):
        Recognizer.load(copy, trust=["another_module"])
    for hidden in ("yes", 1, [True]):
        set_key(
            copy, "parts", {"x": [{"_target_": "src.feature.Transformers", "trust_remote_code": hidden, "name": "y"}]}
        )
        with pytest.raises(ValueError, match="wants to run Python code"):
            Recognizer.load(copy, trust=[str(network)])
    (copy / rundir.CONFIG).write_text(config, encoding="utf-8")
    with pytest.raises(ValueError, match=r"Python code of its own \(auto_map in config.json\)"):
        Recognizer.load(copy)
    assert not canary.exists()
    set_key(copy, "trust_remote_code", True)
    assert predict.main([song(tiny), "--run", str(copy), "--trust", str(network)]) == 0
    assert canary.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["feature.name=nowhere"], "The network nowhere is no folder here: expected the folder of a network"),
        (["feature.name=tests"], "The network tests is a folder without config.json"),
        (["feature.layer=3"], "feature.layer is 3: expected output, all or a number from 0 to 2"),
        (["feature.layer=pool"], "feature.layer is 'pool': expected a whole number from 0 to 1,000 or output or all"),
        (["feature.sample_rate=44100"], "feature.sample_rate is 44100: expected 16000"),
        (["feature.trainable=true", "model=svm"], "feature.trainable is true, but this model is fitted"),
    ],
)
def test_wrong_settings_get_one_message(
    networks: Callable[[str], str],
    tiny: Path,
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert train(monkeypatch, *arguments(tiny, tmp_path / "run", networks("hubert"), *words)) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (tmp_path / "run").exists()


def test_a_missing_name_gets_one_message(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [word for word in arguments(tiny, tmp_path / "run", "") if not word.startswith("feature.name")]
    assert train(monkeypatch, *command) == 1
    assert capsys.readouterr().err.startswith("train: feature.name is missing: set it to the folder of a network")


def test_fine_tuning_changes_the_weights_and_the_run_can_be_read(
    networks: Callable[[str], str],
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("feature.trainable=true", "optimizer.lr=0.001", "trainer.max_epochs=1")
    assert train(monkeypatch, *arguments(tiny, tmp_path / "run", networks("hubert"), *words)) == 0
    assert COMPUTED not in capsys.readouterr().err
    from src.pretrained.audio_network import load

    state = torch.load(tmp_path / "run" / rundir.BEST, weights_only=True)["state_dict"]
    before = load(networks("hubert")).model.state_dict()
    changed = {
        name
        for name, weight in before.items()
        if not torch.equal(state[f"feature.audio_network.network.{name}"], weight)
    }
    assert any("encoder.layers.1" in name for name in changed)
    assert predict.main([song(tiny), "--run", str(tmp_path / "run")]) == 0


def test_a_run_on_a_network_with_batch_normalization_is_loaded(
    networks: Callable[[str], str], tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train(monkeypatch, *arguments(tiny, tmp_path / "run", networks("clap"))) == 0
    assert predict.main([song(tiny), "--run", str(tmp_path / "run")]) == 0
