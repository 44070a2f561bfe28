"""Alterations of sound: for the robustness of a run, the copies that an audit must find, and augmentation."""

from src.alteration.table import ALTERATIONS, Alteration
from src.alteration.waves import Wave

__all__ = ["ALTERATIONS", "Alteration", "Wave"]
