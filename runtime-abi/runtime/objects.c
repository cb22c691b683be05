/* Constant objects of a module, made from the table that codegen/src/emit/objects.rs writes. */

struct cyl_constant {
    int64_t kind;
    const void *data;
    int64_t length;
};

enum { CYL_STR, CYL_INTERNED, CYL_BYTES, CYL_INT, CYL_FLOAT, CYL_COMPLEX, CYL_TUPLE, CYL_FROZENSET,
       CYL_SLICE, CYL_SYMBOL, CYL_CODE };

static PyObject *cyl_make_tuple(const uint32_t *ids, Py_ssize_t count, PyObject **slots) {
    PyObject *made = PyTuple_New(count);
    if (!made) return NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyTuple_SET_ITEM(made, i, Py_NewRef(slots[ids[i]]));
    }
    return made;
}

static PyObject *cyl_make_code(const uint32_t *data, Py_ssize_t names, PyObject **slots) {
    /* argcount, posonly, kwonly, flags, filename, name, first line, line table, names of variables */
    PyObject *varnames = NULL, *code = NULL, *empty = NULL, *made = NULL;
    PyObject *lines = slots[data[7]];
    /* As much "code" as there are places in the table, a multiple of code units, all zero. */
    Py_ssize_t length = PyBytes_GET_SIZE(lines);
    length = length ? (length * 2 + 4) & ~(Py_ssize_t) 3 : 0;
    varnames = cyl_make_tuple(data + 8, names, slots);
    code = PyBytes_FromStringAndSize(NULL, length);
    empty = PyTuple_New(0);
    if (varnames && code && empty) {
        if (length) memset(PyBytes_AS_STRING(code), 0, (size_t) length);
        made = (PyObject *) __Pyx__PyCode_New(
            (int) data[0], (int) data[1], (int) data[2], (int) names, 0, (int) data[3],
            code, empty, empty, varnames, empty, empty,
            slots[data[4]], slots[data[5]], (int) data[6], lines);
    }
    Py_XDECREF(varnames);
    Py_XDECREF(code);
    Py_XDECREF(empty);
    return made;
}

static PyObject *cyl_make_constant(const struct cyl_constant *item, PyObject **slots) {
    const uint32_t *ids = (const uint32_t *) item->data;
    Py_ssize_t length = (Py_ssize_t) item->length;
    PyObject *made;
    double number;
    switch (item->kind) {
        case CYL_STR:
            return PyUnicode_DecodeUTF8((const char *) item->data, length, "surrogatepass");
        case CYL_INTERNED:
            made = PyUnicode_DecodeUTF8((const char *) item->data, length, "surrogatepass");
            if (made) PyUnicode_InternInPlace(&made);
            return made;
        case CYL_BYTES:
            return PyBytes_FromStringAndSize((const char *) item->data, length);
        case CYL_INT:
            return PyLong_FromString((const char *) item->data, NULL, 0);
        case CYL_FLOAT:
            memcpy(&number, &item->length, sizeof number);
            return PyFloat_FromDouble(number);
        case CYL_COMPLEX:
            return PyComplex_FromDoubles(((const double *) item->data)[0],
                                         ((const double *) item->data)[1]);
        case CYL_TUPLE:
            return cyl_make_tuple(ids, length, slots);
        case CYL_FROZENSET:
            made = cyl_make_tuple(ids, length, slots);
            if (made) Py_SETREF(made, PyFrozenSet_New(made));
            return made;
        case CYL_SLICE:
            return PySlice_New(slots[ids[0]], slots[ids[1]], slots[ids[2]]);
        case CYL_SYMBOL:
            return Py_NewRef((PyObject *) item->data);
        case CYL_CODE:
            return cyl_make_code(ids, length, slots);
    }
    PyErr_SetString(PyExc_SystemError, "unknown kind of constant");
    return NULL;
}

/* Fills `slots`: code objects last, as they refer to any others, which refer to earlier ones only.
   0, or -1 with an exception. */
int cyl_init_constants(const struct cyl_constant *table, int64_t count, PyObject **slots) {
    for (int codes = 0; codes < 2; codes++) {
        for (int64_t i = 0; i < count; i++) {
            if ((table[i].kind == CYL_CODE) != codes) continue;
            PyObject *made = cyl_make_constant(&table[i], slots);
            if (!made) return -1;
            Py_XSETREF(slots[i], made);
        }
    }
    return 0;
}
