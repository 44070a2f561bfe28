"""Check reported tables of scores: find the rows that cannot be true, however their figures were averaged.

A figure is a score as printed in the table. A reading is one assumption about how the figures of a row were computed.
"""

from src.table_check.check import Checked, check
from src.table_check.table import GENRES, Figure, Row, read
from src.table_check.text import ASSUMED, lines, plain

__all__ = ["ASSUMED", "GENRES", "Checked", "Figure", "Row", "check", "lines", "plain", "read"]
