"""Random Cython programs, built by both routes and compared."""
