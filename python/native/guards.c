#include "guards.h"

int cyl_guard_read(CylGuard *guard, PyObject *description) {
    PyObject *type, *detail;
    if (!PyTuple_Check(description) ||
        !PyArg_ParseTuple(description, "iOOiii", &guard->kind, &type, &detail, &guard->ndim,
                          &guard->mask, &guard->flags)) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "a guard is described by a tuple");
        }
        return -1;
    }
    guard->type = type == Py_None ? NULL : Py_NewRef(type);
    guard->detail = detail == Py_None && guard->kind != CYL_GUARD_IDENTITY ? NULL : Py_NewRef(detail);
    return 0;
}

void cyl_guard_clear(CylGuard *guard) {
    Py_CLEAR(guard->type);
    Py_CLEAR(guard->detail);
}
