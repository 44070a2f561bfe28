"""The checks that an audit makes on a data set: faults, copies, shortcuts and label errors."""
