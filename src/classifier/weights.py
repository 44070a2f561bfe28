"""Record the digest of the files with a feature's weights as one of the settings of a run."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from src.settings import networks

if TYPE_CHECKING:
    from omegaconf import DictConfig


def record_digests(config: "DictConfig", must_exist: bool = True) -> None:
    """Set `sha256` of each feature in a config that has it, in place, to the digest of the weights that are found.

    They are the file `weights`, or the network `name`. Called before a run gets its identity and its folder: the content
    changes the scores, its path does not. Raises ValueError if there are no weights, or if `sha256` is set and no file
    has it, unless `must_exist` is false.
    """
    for node in _with_sha256(config.get("feature")):
        if "weights" in node:
            from src.pretrained import files  # imported here, because names of sweeps must not wait for torch

            find = files.require if must_exist else files.find_any
            file = find(files.EFFICIENTAT, node.weights, node.sha256)
            node.sha256 = files.digest(file) if file else node.sha256
        elif node.sha256 is None:  # a run compares the reference embedding of its network when it is loaded
            try:
                node.sha256 = networks.digest(networks.find(node.name, node.trust_remote_code))
            except networks.NetworkError:
                if must_exist:
                    raise


def _with_sha256(node: object) -> "Iterator[DictConfig]":
    """Yield the features that have the setting `sha256`, at any depth."""
    from omegaconf import DictConfig

    if isinstance(node, DictConfig):
        if "sha256" in node:
            yield node
        for name in node:
            if isinstance(inner := node._get_node(name), DictConfig):
                yield from _with_sha256(inner)
