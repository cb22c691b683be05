"""C arrays whose sizes are names, and structs in structs of headers, by the tree route, beside the C route."""

from __future__ import annotations

import gc

from conftest import Both, outcome

SIZES = '''
cdef extern from *:
    """
    #define CYL_ROWS 3
    enum { CYL_COLUMNS = CYL_ROWS + 2 };
    """
    enum: CYL_ROWS
    int CYL_COLUMNS

cdef enum:
    BITS = 3
    MASK = (1 << BITS) - 1
    BYTES = 128 >> BITS
    FLAGS = ~MASK & 0xFF ^ 1

cdef enum Place:
    A
    B
    COUNT

cdef unsigned char table[BYTES]
cdef int grid[CYL_ROWS][COUNT]

ctypedef struct Field:
    int places[COUNT]

def sizes():
    cdef double local[CYL_ROWS * 2]
    return sizeof(table), sizeof(grid), sizeof(Field), sizeof(local), MASK, FLAGS

cdef int total(unsigned char items[], int n):
    cdef int i, sum = 0
    for i in range(n):
        sum += items[i]
    return sum

def use(values):
    cdef Field field
    cdef int i, j
    for i, value in enumerate(values):
        table[i] = value
    for i in range(CYL_ROWS):
        for j in range(COUNT):
            grid[i][j] = i * 10 + j
    field.places = [7, 8]
    return total(table, BYTES), grid, field, field.places[<int> B], [x for x in table]
'''


def test_sizes_are_constants_and_macros(both: Both) -> None:
    tree, c = both(SIZES)
    assert tree.sizes() == c.sizes()
    for values in ([1, 2, 255], list(range(16)), [256]):
        assert outcome(tree.use, values) == outcome(c.use, values)


STATIC = """
cdef int *numbers = [1, 2, 3]
cdef const char **words = ['one', 'two']
cdef int n = 5
cdef int *computed = [n, n + 1]

cdef const double *constants() noexcept:
    cdef const double *found = [0.5, 1.5, 2.5]
    return found

cdef int clobber(int depth) noexcept:
    cdef int room[64]
    cdef int i
    for i in range(64):
        room[i] = -depth
    return room[depth] if depth == 0 else clobber(depth - 1) + room[depth]

def use():
    cdef const double *found = constants()
    clobber(20)
    numbers[1] += 10
    return numbers[0], numbers[1], words[1], computed[1], found[0], found[1], found[2]
"""


def test_arrays_that_outlive_where_they_are_written(both: Both) -> None:
    tree, c = both(STATIC)
    assert tree.use() == c.use() == (1, 12, b"two", 6, 0.5, 1.5, 2.5)
    assert tree.use() == c.use()


NESTED = '''
cdef extern from *:
    """
    #include <stdbool.h>
    typedef struct cyl_inner { char pad; bool flag; short number; void *object; } cyl_other_name;
    typedef struct { int first; cyl_other_name user; cyl_other_name users[2]; cyl_other_name *at; } cyl_outer;
    """
    ctypedef struct cyl_unnamed:
        bint flag
        int number
        void *object
    ctypedef struct cyl_outer:
        cyl_unnamed user
        cyl_unnamed users[2]
        cyl_unnamed *at

def use(int flag, int number):
    cdef cyl_outer outer
    cdef cyl_outer *pointer = &outer
    outer.user.flag = flag
    outer.user.number = number
    pointer.user.object = NULL
    outer.users[1].flag = flag & 1
    pointer.users[1].number = number + 1
    outer.at = &outer.users[1]
    pointer.at.number += 1
    return (pointer.user.flag, outer.user.number, outer.user.object == NULL, outer.users[1].flag,
            pointer.at.number, pointer.at.flag)
'''


def test_structs_in_structs_whose_names_the_header_does_not_have(both: Both) -> None:
    tree, c = both(NESTED)
    for flag in (0, 1, 2, 256, -1):
        assert tree.use(flag, 70000) == c.use(flag, 70000)


PACKED = """
cdef packed struct Packed:
    char kind
    double value
    int number

def make(char kind, double value, int number):
    cdef Packed made = {'number': number, 'kind': kind, 'value': value}
    return sizeof(Packed), made, made.number, made.value
"""


def test_displays_of_packed_structs(both: Both) -> None:
    tree, c = both(PACKED)
    assert tree.make(1, 2.5, 3) == c.make(1, 2.5, 3)


POINTED = """
cdef class Holder:
    cdef int[3] numbers
    cdef object thing

cdef void put(void *place, int value):
    (<Holder> place).numbers[1] = value
    (<Holder> place).numbers[2] += (<Holder> place).numbers[1] + len((<Holder> place).numbers)
    (<Holder> place).thing = [value]

def use(int value):
    holder = Holder()
    put(<void *> holder, value)
    cdef int *inside = &(<Holder> <void *> holder).numbers[2]
    inside[0] += 100
    return [number for number in holder.numbers], holder.thing, (<Holder> <void *> holder).thing
"""


def test_fields_of_what_a_pointer_points_to(both: Both) -> None:
    """It is looked at where it is: nothing owns it meanwhile, as in C."""
    tree, c = both(POINTED)
    assert tree.use(7) == c.use(7) == ([0, 7, 110], [7], [7])
    things = sum(type(one) is list and one == [12345] for one in gc.get_objects())
    tree.use(12345)
    assert sum(type(one) is list and one == [12345] for one in gc.get_objects()) == things
