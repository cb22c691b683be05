# range over a C integer: the bound once, the variable ends at the last value.
def total(int n):
    cdef int i, s = 0
    for i in range(n):
        if i == 3:
            continue
        s += i
    else:
        s = -s
    return s
