"""Tiny random networks on disk, in the format of the library transformers, one of each family."""

import contextlib
import io
from pathlib import Path

import torch

KINDS = ("ast", "clap", "clap_fused", "wav2vec2", "hubert")
SIZE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
SPEECH = {
    **SIZE,
    "conv_dim": (8, 8),
    "conv_stride": (16, 20),
    "conv_kernel": (16, 20),
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
}
CLAP_AUDIO = {
    "patch_embeds_hidden_size": 8,
    "depths": [1, 1],
    "num_attention_heads": [1, 2],
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "window_size": 4,
    "projection_dim": 8,
    "aff_block_r": 2,
}
CLAP_TEXT = {**SIZE, "vocab_size": 64, "max_position_embeddings": 64, "pad_token_id": 1, "projection_dim": 8}
LETTERS = "abcdefghijklmnopqrstuvwxyzT. "


def write(folder: Path, kind: str, seed: int = 0) -> None:
    """Write a network and its feature extractor. AST reads 1.28 s, CLAP 2 s, and knows texts letter by letter."""
    import transformers

    torch.manual_seed(seed)
    if kind == "ast":
        frames, bands = 128, 32
        config = transformers.ASTConfig(**SIZE, max_length=frames, num_mel_bins=bands)
        network = transformers.ASTForAudioClassification(config)
        extractor = transformers.ASTFeatureExtractor(max_length=frames, num_mel_bins=bands)
    elif kind.startswith("clap"):
        fused = kind == "clap_fused"
        audio = {**CLAP_AUDIO, "enable_fusion": fused, "fusion_type": "aff_2d" if fused else None}
        config = transformers.ClapConfig(text_config=CLAP_TEXT, audio_config=audio, projection_dim=8)
        network = transformers.ClapModel(config)
        truncation = "fusion" if fused else "rand_trunc"
        extractor = transformers.ClapFeatureExtractor(max_length_s=2, truncation=truncation)
        tokenizer().save_pretrained(folder)
    else:
        classes = {
            "wav2vec2": (transformers.Wav2Vec2Config, transformers.Wav2Vec2ForPreTraining),
            "hubert": (transformers.HubertConfig, transformers.HubertModel),
        }
        config_class, network_class = classes[kind]
        network = network_class(config_class(**SPEECH))
        extractor = transformers.Wav2Vec2FeatureExtractor()
    extractor.save_pretrained(folder)
    with contextlib.redirect_stderr(io.StringIO()):  # a progress bar
        network.save_pretrained(folder)


def tokenizer():  # type: ignore[no-untyped-def]
    """A tokenizer whose words are single letters."""
    import tokenizers
    import transformers

    vocabulary = {token: k for k, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *LETTERS])}
    letters = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<unk>"))
    letters.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")
    return transformers.PreTrainedTokenizerFast(tokenizer_object=letters, pad_token="<pad>", unk_token="<unk>")
