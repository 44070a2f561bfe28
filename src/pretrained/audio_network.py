"""Audio networks that the library transformers loads: AST, CLAP, wav2vec 2.0, HuBERT and others of their kind.

B pieces of sound, T samples, L layers, E embedding, C texts.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from src.plain_files import first_line
from src.settings import networks
from src.settings.networks import NetworkError

AST, CLAP = "audio-spectrogram-transformer", "clap"  # `model_type` in config.json
FRAME_SECONDS = 0.01  # between the frames that AST reads
LONGEST_SECONDS = 10.0  # of a piece for networks that state no length; their time and memory grow with its square
LEAST_SECONDS = 0.1  # a shorter piece is repeated: the first layers need some frames
KNOWN_SECONDS = 2.0  # length of the known sound
TOKENIZER = ("tokenizer.json", "vocab.json")
NOT_NEEDED = ("masked_spec_embed",)  # weights that only pretraining uses; some published files lack them
# Share of the network's numbers that must be in its files as they are. A few layers may be stored in another form.
LEAST_SHARE = 0.5


class Loaded(NamedTuple):
    """A network with its feature extractor, and the folder of its files."""

    name: str
    folder: Path
    model: Any
    extractor: Any


def load(name: str, trust_remote_code: bool = False) -> Loaded:
    """Load a network from a folder, or by its id, in float32 and without dropout. See `src.settings.networks.find`.

    The weights come from safetensors, or from a pickled file that may contain tensors only. Raises NetworkError if the
    library is not installed, or if the network is missing, needs code of its own (unless
    `trust_remote_code`), cannot be loaded, or has other weights than its files.
    """
    try:
        import transformers
    except ImportError as error:
        raise NetworkError(networks.EXTRA) from error
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    folder = networks.find(name, trust_remote_code)
    if not trust_remote_code:
        networks.refuse_code(name, folder)
    files, rate = networks.weights(folder), networks.sample_rate_in(folder)
    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": trust_remote_code}
    try:
        extractor = transformers.AutoFeatureExtractor.from_pretrained(str(folder), **options)
        model, report = transformers.AutoModel.from_pretrained(
            str(folder),
            use_safetensors=files[0].suffix == ".safetensors",
            weights_only=True,
            dtype=torch.float32,
            attn_implementation="eager",  # a config could name another one, to be downloaded
            output_loading_info=True,
            **options,
        )
    except Exception as error:  # of any library that reads the files
        raise NetworkError(
            f"The network {name} cannot be loaded from {folder} ({first_line(error)}). Download it again, or choose another one."
        ) from error
    if extractor.sampling_rate != rate:
        raise NetworkError(
            f"The network {name} reads {extractor.sampling_rate} Hz, but its settings in {folder} say {rate}."
        )
    missing = [key for key in report["missing_keys"] if not key.endswith(NOT_NEEDED)]
    if missing or _share_in_files(model, files) < LEAST_SHARE:
        what = f"lack {len(missing)} of its weights, such as {sorted(missing)[0]}" if missing else "have other weights"
        raise NetworkError(
            f"The network {name} would be partly random: the files in {folder} {what}. Download it again, or run "
            "`make extra-transformers`, which installs the version of transformers that was tested."
        )
    return Loaded(name, folder, model.eval(), extractor)


def text_embeddings(loaded: Loaded, texts: Sequence[str]) -> Tensor:
    """Embed texts with a CLAP network: -> (C, E), each of length 1. Raises NetworkError on a network without texts."""
    if loaded.model.config.model_type != CLAP:
        raise NetworkError(
            f"The network {loaded.name} is of the kind {loaded.model.config.model_type}, which knows no texts: expected CLAP, "
            "such as laion/larger_clap_music."
        )
    from transformers import AutoTokenizer

    try:
        # Without them the library would make an empty tokenizer, to which all texts are equal.
        if not any((loaded.folder / file).is_file() for file in TOKENIZER):
            raise ValueError(f"no {' or '.join(TOKENIZER)}")
        tokenizer = AutoTokenizer.from_pretrained(str(loaded.folder), local_files_only=True, trust_remote_code=False)
        tokens = tokenizer(list(texts), padding=True, return_tensors="pt")
        with torch.no_grad():
            output = loaded.model.get_text_features(
                input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
            )
    except Exception as error:  # of any library that reads the files
        raise NetworkError(
            f"The network {loaded.name} cannot read texts ({first_line(error)}): expected its tokenizer in {loaded.folder}. "
            "Download it again."
        ) from error
    return nn.functional.normalize(output.pooler_output, dim=1)


class AudioNetwork(nn.Module):
    """The audio part of a network: pieces of sound (B, T) -> embeddings (B, L, E).

    AST     the pooled output, L = 1: the mean of its two class tokens
    CLAP    the audio embedding, L = 1, of length 1
    others  the mean over time of each hidden state, L = layers + 1: the first is the input of the first layer

    The network always computes as in prediction, also in fine-tuning: no dropout, no skipped layers, no masking.
    Raises NetworkError on a network that does not read sound.
    """

    def __init__(self, loaded: Loaded) -> None:
        super().__init__()
        self.name, self.kind = loaded.name, loaded.model.config.model_type
        self.network, self.extractor = loaded.model, loaded.extractor
        self.sample_rate = int(loaded.extractor.sampling_rate)
        if self.kind == CLAP:
            self.longest_seconds = self.extractor.nb_max_samples / self.sample_rate
            self.network.text_model = self.network.text_projection = None
            del self.network.logit_scale_a, self.network.logit_scale_t
        elif self.kind == AST:
            self.longest_seconds = self.extractor.max_length * FRAME_SECONDS
        else:
            self.longest_seconds = LONGEST_SECONDS
            if getattr(self.network, "main_input_name", "") != "input_values":
                raise NetworkError(
                    f"The network {self.name} is of the kind {self.kind}: expected AST, CLAP, wav2vec 2.0, HuBERT, or another "
                    "one that reads samples."
                )
        try:
            with torch.no_grad():
                self.known_answer_LE = self(known_sound(self.sample_rate)[None])[0]
        except Exception as error:  # of the network's own code
            raise NetworkError(
                f"The network {self.name}, of the kind {self.kind}, gives no embedding of a sound ({first_line(error)}). Choose "
                "AST, CLAP, wav2vec 2.0 or HuBERT."
            ) from error

    def forward(self, piece_BT: Tensor) -> Tensor:
        if self.network.training:  # not in `train`: Lightning warns of modules that a training begins with in this mode
            self.network.eval()
        least = round(LEAST_SECONDS * self.sample_rate)
        if piece_BT.shape[1] < least:
            piece_BT = piece_BT.repeat(1, -(-least // piece_BT.shape[1]))
        sounds = list(piece_BT.cpu().numpy())
        inputs = self.extractor(sounds, sampling_rate=self.sample_rate, return_tensors="pt").to(piece_BT.device)
        if self.kind == CLAP:
            # No piece is longer than the network's input. Its extractor calls one of them longer, drawn at random.
            longer_B1 = torch.zeros(len(piece_BT), 1, dtype=torch.bool, device=piece_BT.device)
            output_BE: Tensor = self.network.get_audio_features(inputs["input_features"], longer_B1).pooler_output
            return output_BE[:, None]
        if self.kind == AST:
            output_BE = self.network(inputs["input_values"]).pooler_output
            return output_BE[:, None]
        states = self.network(inputs["input_values"], output_hidden_states=True).hidden_states
        return torch.stack([state_BNE.mean(dim=1) for state_BNE in states], dim=1)

    def train_what_is_used(self, layer: int | None) -> None:
        """Let only those weights be trained that the embedding of a layer depends on; None: of all layers.

        With several processes, training would wait for the gradients of the others.
        """
        answer_BLE = self(known_sound(self.sample_rate)[None])
        # A plain sum would not do: that of a normalized layer is always 0.
        factor_E = torch.arange(answer_BLE.shape[2], dtype=torch.float32).sin()
        (factor_E * (answer_BLE if layer is None else answer_BLE[:, layer])).sum().backward()
        for weight in self.network.parameters():
            weight.requires_grad_(weight.grad is not None and bool(weight.grad.any()))
            weight.grad = None


def known_sound(sample_rate: int) -> Tensor:
    """A sound that is the same everywhere: a struck chord each half second, and a tone that rises from 100 Hz to 3 kHz. (T,)."""
    time_T = torch.arange(round(KNOWN_SECONDS * sample_rate), dtype=torch.float64) / sample_rate
    chord_T = sum((torch.sin(2 * torch.pi * hz * time_T) for hz in (220.0, 277.2, 329.6)), torch.zeros_like(time_T))
    rising_T = torch.sin(2 * torch.pi * (100 * time_T + 1450 / KNOWN_SECONDS * time_T**2))
    return (0.15 * torch.exp(-6 * (time_T % 0.5)) * chord_T + 0.1 * rising_T).float()


def _share_in_files(model: Any, files: Iterable[Path]) -> float:
    """The share of the network's numbers that are in its files as they are, whatever their names: 0 to 1."""
    known = {_checksum(tensor) for tensor in _tensors(files)}
    state = [tensor for tensor in model.state_dict().values() if tensor.is_floating_point()]
    found: int = sum(tensor.numel() for tensor in state if _checksum(tensor) in known)
    total: int = sum(tensor.numel() for tensor in state)
    return found / max(1, total)


def _tensors(files: Iterable[Path]) -> Iterator[Tensor]:
    for path in files:
        if path.suffix == ".safetensors":
            from safetensors import safe_open

            with safe_open(str(path), framework="pt") as content:
                yield from map(content.get_tensor, list(content.keys()))
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
            yield from (value for value in content.values() if isinstance(value, Tensor))


def _checksum(tensor: Tensor) -> tuple[int, int]:
    values = tensor.detach().float().contiguous()
    return values.numel(), zlib.crc32(values.numpy().tobytes())
