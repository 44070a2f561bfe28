"""Reported tables of scores: find the rows that cannot be true, however their figures were averaged."""

from src.reported.readings import Checked, check
from src.reported.table import GENRES, Figure, Row, read
from src.reported.text import ASSUMED, lines, plain

__all__ = ["ASSUMED", "GENRES", "Checked", "Figure", "Row", "check", "lines", "plain", "read"]
