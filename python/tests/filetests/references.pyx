# Temporaries are released on every error edge; a borrowed argument is not counted.
def pair(a, b):
    return [a, (b, a.x)]


def swap(a, b):
    a, b = b, a
    return a
