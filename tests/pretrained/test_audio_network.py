"""Audio networks of the library transformers: their embeddings, and what is refused while loading."""

import json
import os
import pickle
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from src.pretrained import audio_network
from src.pretrained.audio_network import AudioNetwork, known_sound, load
from src.settings import networks as network_files
from src.settings.networks import NetworkError
from tests import tiny_networks

Networks = Callable[[str], str]


@pytest.fixture
def copy(networks: Networks, tmp_path: Path) -> Callable[[str], Path]:
    """copy("ast") returns a copy of the folder of a tiny network, to be changed."""
    return lambda kind: Path(shutil.copytree(networks(kind), tmp_path / kind))


def sound(rate: int, seconds: float = 1.0) -> Tensor:
    return 0.1 * torch.randn(1, round(seconds * rate), generator=torch.Generator().manual_seed(1))


def embed(folder: str | Path, wave_BT: Tensor) -> Tensor:
    with torch.no_grad():
        embedding_BLE: Tensor = AudioNetwork(load(str(folder)))(wave_BT)
    return embedding_BLE


def test_ast_gives_what_its_classifier_reads(networks: Networks) -> None:
    """The input of the published classification head, caught by a hook."""
    import transformers

    folder, wave_BT = networks("ast"), sound(16000)
    whole = transformers.ASTForAudioClassification.from_pretrained(folder).eval()
    caught: list[Tensor] = []
    whole.classifier.register_forward_pre_hook(lambda module, inputs: caught.append(inputs[0]))
    extractor = transformers.ASTFeatureExtractor.from_pretrained(folder)
    whole(**extractor(wave_BT[0].numpy(), sampling_rate=16000, return_tensors="pt"))
    torch.testing.assert_close(embed(folder, wave_BT)[:, 0], caught[0].detach())


def test_clap_gives_the_audio_embedding_of_the_whole_network(networks: Networks) -> None:
    import transformers

    folder, wave_BT = networks("clap"), sound(48000)
    whole = transformers.ClapModel.from_pretrained(folder).eval()
    extractor = transformers.ClapFeatureExtractor.from_pretrained(folder)
    inputs = extractor(wave_BT[0].numpy(), sampling_rate=48000, return_tensors="pt")
    with torch.no_grad():
        output = whole(**inputs, input_ids=torch.tensor([[4, 5]]), attention_mask=torch.ones(1, 2))
    torch.testing.assert_close(embed(folder, wave_BT)[:, 0], output.audio_embeds)


@pytest.mark.parametrize("kind", ["wav2vec2", "hubert"])
def test_each_layer_is_the_mean_over_time_of_its_output(networks: Networks, kind: str) -> None:
    import transformers

    folder, wave_BT = networks(kind), sound(16000)
    whole = transformers.AutoModel.from_pretrained(folder).eval()
    caught: list[Tensor] = []
    for layer in whole.encoder.layers:
        layer.register_forward_hook(
            lambda module, inputs, output: caught.append(output[0] if isinstance(output, tuple) else output)
        )
    normalized_BT = (wave_BT - wave_BT.mean()) / wave_BT.std(correction=0)
    with torch.no_grad():
        whole(normalized_BT)
    embedding_BLE = embed(folder, wave_BT)
    assert embedding_BLE.shape == (1, 3, 16)
    for k, hidden in enumerate(caught, start=1):
        expected_BE = hidden.reshape(1, -1, 16).mean(dim=1)
        torch.testing.assert_close(embedding_BLE[:, k], expected_BE, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["clap", "clap_fused"])
def test_clap_draws_nothing_at_random(networks: Networks, kind: str) -> None:
    loaded = load(networks(kind))
    network, wave_BT = AudioNetwork(loaded), sound(48000, 2)
    answers = []
    with torch.no_grad():
        for seed in range(3):
            np.random.seed(seed)  # the extractor draws from the global generator
            answers.append(network(wave_BT))
    assert torch.equal(answers[0], answers[1])
    assert torch.equal(answers[0], answers[2])
    # On a longer sound the extractor would draw a crop, and this test would fail.
    longer_T = sound(48000, 3)[0].numpy()
    drawn = []
    for seed in range(2):
        np.random.seed(seed)
        drawn.append(loaded.extractor(longer_T, sampling_rate=48000, return_tensors="pt")["input_features"])
    assert not torch.equal(drawn[0], drawn[1])


@pytest.mark.parametrize(("kind", "seconds"), [("ast", 1.28), ("clap", 2.0), ("wav2vec2", 10.0)])
def test_the_longest_piece_is_the_networks_own(networks: Networks, kind: str, seconds: float) -> None:
    assert AudioNetwork(load(networks(kind))).longest_seconds == pytest.approx(seconds)


def test_the_known_sound_is_audible_at_every_rate_and_the_same() -> None:
    low_T, high_T = known_sound(8000), known_sound(48000)
    assert len(low_T) == 16000
    assert 0.1 < low_T.abs().max() < 0.9
    torch.testing.assert_close(low_T, high_T[::6], rtol=1e-4, atol=1e-4)


def test_a_folder_needs_no_internet(networks: Networks, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [networks(kind) for kind in tiny_networks.KINDS]

    def refuse(*arguments: Any) -> None:
        raise AssertionError(f"a connection to {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for folder in folders:
        AudioNetwork(load(folder))
    audio_network.text_embeddings(load(networks("clap")), ["polka"])


def test_the_digest_covers_weights_and_settings(networks: Networks, copy: Callable[[str], Path]) -> None:
    folder, digest = copy("hubert"), network_files.digest(Path(networks("hubert")))
    assert network_files.digest(folder) == digest
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "do_normalize": False}), encoding="utf-8")
    other = network_files.digest(folder)
    tiny_networks.write(folder, "hubert", seed=1)
    assert len({digest, other, network_files.digest(folder)}) == 3


def test_pickled_weights_give_the_same_answer(networks: Networks, copy: Callable[[str], Path]) -> None:
    from safetensors.torch import load_file

    folder = copy("ast")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert torch.equal(embed(folder, sound(16000)), embed(networks("ast"), sound(16000)))


class Evil:
    """An object that makes a folder when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.canary),)


def test_a_pickle_that_runs_code_is_refused(copy: Callable[[str], Path], tmp_path: Path) -> None:
    folder, canary = copy("ast"), tmp_path / "canary"
    (folder / "model.safetensors").unlink()
    for content in (pickle.dumps({"weight": Evil(canary)}), b""):
        (folder / "pytorch_model.bin").write_bytes(content)
        with pytest.raises(NetworkError, match=r"^The network .* cannot be loaded from "):
            load(str(folder))
    torch.save({"weight": Evil(canary)}, folder / "pytorch_model.bin")
    with pytest.raises(NetworkError, match="cannot be loaded"):
        load(str(folder))
    assert not canary.exists()


CODE = """
from pathlib import Path
from transformers import HubertConfig, HubertModel

Path({canary!r}).mkdir()

class OwnConfig(HubertConfig):
    model_type = "own"

class OwnModel(HubertModel):
    config_class = OwnConfig
"""


@pytest.fixture
def with_code(copy: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a network with code of its own, which makes the folder `canary` when it runs."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder = copy("hubert")
    (folder / "own.py").write_text(CODE.format(canary=str(tmp_path / "canary")), encoding="utf-8")
    path = folder / "config.json"
    auto_map = {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"}
    content = {**json.loads(path.read_text()), "model_type": "own", "auto_map": auto_map}
    path.write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_code_of_a_network_is_refused(with_code: Path, tmp_path: Path) -> None:
    with pytest.raises(
        NetworkError, match=r"Python code of its own \(auto_map in config.json\).*trust_remote_code=true"
    ):
        load(str(with_code))
    assert not (tmp_path / "canary").exists()


def test_code_of_a_network_runs_if_it_is_trusted(with_code: Path, networks: Networks, tmp_path: Path) -> None:
    network = AudioNetwork(load(str(with_code), trust_remote_code=True))
    assert (tmp_path / "canary").exists()
    assert network.kind == "own"
    torch.testing.assert_close(network(sound(16000)), embed(networks("hubert"), sound(16000)))


@pytest.mark.parametrize("file", ["preprocessor_config.json", "tokenizer_config.json", "config.json"])
def test_code_is_found_in_every_file_at_any_depth(copy: Callable[[str], Path], file: str) -> None:
    folder = copy("clap")
    content = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps({**content, "part": [{"auto_map": {}}]}), encoding="utf-8")
    with pytest.raises(NetworkError, match=f"auto_map in {file}"):
        load(str(folder))


def test_missing_weights_are_refused(copy: Callable[[str], Path]) -> None:
    from safetensors.torch import load_file, save_file

    folder = copy("hubert")
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if name.endswith("final_layer_norm.weight"))
    save_file(
        {key: weight for key, weight in weights.items() if key != name}, folder / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(
        NetworkError, match="would be partly random: the files in .* lack 1 of its weights, such as encoder"
    ):
        load(str(folder))


@pytest.mark.parametrize("kind", ["ast", "clap", "wav2vec2", "hubert"])
def test_silently_replaced_weights_are_refused(networks: Networks, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Load a network with random weights without a report, as transformers 5.0 to 5.12 did with some."""
    import transformers

    original = transformers.AutoModel.from_pretrained
    assert load(networks(kind))

    def randomized(*arguments: Any, **options: Any) -> Any:
        model, report = original(*arguments, **options)
        with torch.no_grad():
            for weight in model.parameters():
                weight.copy_(torch.randn_like(weight))
        return model, report

    monkeypatch.setattr(transformers.AutoModel, "from_pretrained", randomized)
    with pytest.raises(NetworkError, match="have other weights"):
        load(networks(kind))


def test_a_network_that_reads_no_sound_is_refused(copy: Callable[[str], Path]) -> None:
    import transformers

    folder = copy("hubert")
    (folder / "model.safetensors").unlink()
    transformers.BertModel(transformers.BertConfig(**tiny_networks.SIZE, vocab_size=8)).save_pretrained(folder)
    with pytest.raises(NetworkError, match=r"of the kind bert: expected AST, CLAP, wav2vec 2.0, HuBERT"):
        AudioNetwork(load(str(folder)))


def test_only_clap_knows_texts(networks: Networks) -> None:
    with pytest.raises(NetworkError, match="audio-spectrogram-transformer, which knows no texts: expected CLAP"):
        audio_network.text_embeddings(load(networks("ast")), ["polka"])


def test_texts_need_a_tokenizer(copy: Callable[[str], Path]) -> None:
    folder = copy("clap")
    for path in folder.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(NetworkError, match="cannot read texts .*expected its tokenizer"):
        audio_network.text_embeddings(load(str(folder)), ["polka"])


def test_without_the_library_the_message_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(NetworkError, match="make extra-transformers"):
        load(str(tmp_path))


def test_fine_tuning_leaves_out_the_weights_that_nothing_uses(networks: Networks) -> None:
    network = AudioNetwork(load(networks("wav2vec2")))
    network.train_what_is_used(1)
    trained = {name for name, weight in network.network.named_parameters() if weight.requires_grad}
    assert any(name.startswith("encoder.layers.0.") for name in trained)
    assert not [name for name in trained if name.startswith("encoder.layers.1.") or "masked" in name]
    whole = AudioNetwork(load(networks("ast")))
    whole.train_what_is_used(0)
    assert all(weight.requires_grad for weight in whole.network.parameters())
