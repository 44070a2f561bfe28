"""Reported tables of scores: find the rows that cannot be true, however their figures were averaged."""

from src.table_check.check import Checked, check
from src.table_check.table import GENRES, Figure, Row, read
from src.table_check.text import ASSUMED, lines, plain

__all__ = ["ASSUMED", "GENRES", "Checked", "Figure", "Row", "check", "lines", "plain", "read"]
