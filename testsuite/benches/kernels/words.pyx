# cython: language_level=3
"""Words counted in dicts, with types and without."""


def word_count(text):
    counts = {}
    for word in text.split():
        counts[word] = counts.get(word, 0) + 1
    return max(counts.values()), len(counts)


def word_count_typed(str text):
    cdef dict counts = {}
    cdef str word
    cdef int n
    for word in text.split():
        n = counts.get(word, 0)
        counts[word] = n + 1
    return max(counts.values()), len(counts)
