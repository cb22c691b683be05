"""Cython's own tests, run with gcc and with this backend, file by file.

``python -m conformance --help`` (with ``testsuite`` on the path) says how.  What "pass" means is
Cython's own word: every file goes through the ``runtests.py`` of its source distribution.
"""
