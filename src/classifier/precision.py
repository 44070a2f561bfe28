"""The precision `auto`, of training and of predict: bfloat16 where the hardware computes it, else float32."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omegaconf import DictConfig

BF16, FP32, AUTO = "bf16-mixed", "32-true", "auto"  # the first two are Lightning's names


def resolve_auto(config: "DictConfig") -> None:
    """Replace `trainer.precision=auto` in a config, in place, by the precision of this machine; other values stay.

    Called before a run gets its identity and its folder, since the precision changes the scores.
    """
    from omegaconf import OmegaConf  # imported here, because the --help of predict must not wait for it

    if OmegaConf.select(config, "trainer.precision") == AUTO:
        config.trainer.precision = resolve(AUTO, config.trainer.accelerator)


def resolve(precision: str, accelerator: str = "auto") -> str:
    """The precision of this machine for `auto`; another one is returned unchanged."""
    if precision != AUTO:
        return precision
    return BF16 if has_bf16(accelerator) else FP32


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
