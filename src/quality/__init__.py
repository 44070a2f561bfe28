"""What the audit measures in a data set: faults, copies, shortcuts and label errors."""
