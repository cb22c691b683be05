"""The tree route over Cython's own test files: what is missing, what passes."""
