"""`trainer.precision=auto`: bfloat16 where the hardware computes it, else float32."""

from omegaconf import DictConfig, OmegaConf

BF16, FP32 = "bf16-mixed", "32-true"  # Lightning's names


def resolve_auto(config: DictConfig) -> None:
    """Replace `trainer.precision=auto` in a config, in place, by the precision of this machine; other values stay.

    Called before a run gets its identity and its folder, since the precision changes the scores.
    """
    if OmegaConf.select(config, "trainer.precision") == "auto":
        config.trainer.precision = BF16 if has_bf16(config.trainer.accelerator) else FP32


def has_bf16(accelerator: str) -> bool:
    """True if the device that `trainer.accelerator` names multiplies bfloat16 in hardware; emulation would be slower."""
    import torch  # imported here, because names of sweeps must not wait for torch

    if accelerator != "cpu" and torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if accelerator not in ("cpu", "auto"):
        return False
    processor = torch.cpu.get_capabilities()
    # On x86-64: AVX512-BF16 or AMX-BF16. On ARM: the BF16 extension.
    return any(processor.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
