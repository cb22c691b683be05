/* What a call's values must be for code that was compiled for their types.
 *
 * A guard is described from Python by a tuple (kind, type, detail, ndim, mask, flags), and answers in
 * a few nanoseconds whether a value still is what the code was compiled for.
 */
#ifndef CYL_GUARDS_H
#define CYL_GUARDS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>

enum {
    CYL_GUARD_TYPE = 0,     /* exactly of `type`, and not `detail` where that is given */
    CYL_GUARD_IDENTITY = 1, /* the very object `detail` */
    CYL_GUARD_ARRAY = 2,    /* an array of `type`: dtype `detail`, ndim, flags & mask == flags */
    CYL_GUARD_INT64 = 3,    /* an int that fits into 64 bits */
    CYL_GUARD_EQUAL = 4     /* of `type`, and equal to `detail`; both of plain values */
};

typedef struct {
    int kind;
    int ndim;
    int mask;
    int flags;
    PyObject *type;
    PyObject *detail;
} CylGuard;

/* The fields of numpy's arrays, whose places are part of its ABI. */
typedef struct {
    PyObject_HEAD
    char *data;
    int nd;
    Py_ssize_t *dimensions;
    Py_ssize_t *strides;
    PyObject *base;
    PyObject *descr;
    int flags;
} CylArray;

/* Fills a guard from its description; -1 with an exception. */
int cyl_guard_read(CylGuard *guard, PyObject *description);
void cyl_guard_clear(CylGuard *guard);

static inline int cyl_fits_int64(PyObject *value) {
    Py_ssize_t size = Py_SIZE(value);
    if (size < 0) {
        size = -size;
    }
    if (size * PyLong_SHIFT <= 63) {
        return 1;
    }
    int overflow = 0;
    (void)PyLong_AsLongLongAndOverflow(value, &overflow);
    return overflow == 0;
}

static inline int cyl_guard_holds(const CylGuard *guard, PyObject *value) {
    switch (guard->kind) {
    case CYL_GUARD_TYPE:
        return (PyObject *)Py_TYPE(value) == guard->type && value != guard->detail;
    case CYL_GUARD_IDENTITY:
        return value == guard->detail;
    case CYL_GUARD_ARRAY: {
        const CylArray *array = (const CylArray *)value;
        return (PyObject *)Py_TYPE(value) == guard->type && array->descr == guard->detail &&
               array->nd == guard->ndim && (array->flags & guard->mask) == guard->flags;
    }
    case CYL_GUARD_INT64:
        return PyLong_CheckExact(value) && cyl_fits_int64(value);
    case CYL_GUARD_EQUAL: {
        if ((PyObject *)Py_TYPE(value) != guard->type) {
            return 0;
        }
        int equal = PyObject_RichCompareBool(value, guard->detail, Py_EQ);
        if (equal < 0) {
            PyErr_Clear();
        }
        return equal > 0;
    }
    default:
        return 0;
    }
}

int cyl_add_inline(PyObject *module);
int cyl_add_dispatcher(PyObject *module);

#endif
