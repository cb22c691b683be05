# cython: language_level=3
"""Binary trees of extension types."""


cdef class Node:
    cdef Node left, right

    def __init__(self, Node left, Node right):
        self.left = left
        self.right = right

    cdef int check(self):
        if self.left is None:
            return 1
        return 1 + self.left.check() + self.right.check()


cdef Node make(int depth):
    if depth == 0:
        return Node(None, None)
    return Node(make(depth - 1), make(depth - 1))


def trees(int depth, int times):
    cdef int i
    total = 0
    for i in range(times):
        total += make(depth).check()
    return total


cdef class Search:
    cdef long key
    cdef Search left, right

    def __init__(self, long key):
        self.key = key

    cdef bint insert(self, long key):
        cdef Search node = self
        while True:
            if key == node.key:
                return False
            if key < node.key:
                if node.left is None:
                    node.left = Search(key)
                    return True
                node = node.left
            else:
                if node.right is None:
                    node.right = Search(key)
                    return True
                node = node.right


def search_tree(long n):
    cdef long i, x = 12345, count = 0
    root = Search(x)
    for i in range(n):
        x = (x * 1103515245 + 12345) & 0x7fffffff
        if root.insert(x):
            count += 1
    return count
