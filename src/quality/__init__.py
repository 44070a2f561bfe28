"""Checks of the audit on a data set: faults, copies, shortcuts and label errors."""
