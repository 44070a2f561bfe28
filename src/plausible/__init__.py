"""Reported tables of scores: which rows cannot be true, whatever was averaged how."""

from src.plausible.readings import Checked, check
from src.plausible.reported import GENRES, Figure, Row, read
from src.plausible.told import ASSUMED, lines, plain

__all__ = ["ASSUMED", "GENRES", "Checked", "Figure", "Row", "check", "lines", "plain", "read"]
