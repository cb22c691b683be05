"""The two routes beside each other: results, exceptions and reference counts of Cython's own tests."""
