# Python's floor division on C integers: zero and the least integer are checked, the sign is mended.
def quotient(int a, int b):
    return a // b


cdef double ratio(double a, double b) except? -1:
    return a / b
