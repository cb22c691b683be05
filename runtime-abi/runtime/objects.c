/* Constant objects of a module, made from what codegen/src/emit/objects.rs packs. */

enum { CYL_STR, CYL_INTERNED, CYL_BYTES, CYL_INT, CYL_FLOAT, CYL_COMPLEX, CYL_TUPLE, CYL_FROZENSET,
       CYL_SLICE, CYL_SYMBOL, CYL_CODE };

/* Seven bits a byte, the lowest first. */
static uint32_t cyl_packed(const unsigned char **at) {
    uint32_t number = 0;
    for (int shift = 0;; shift += 7) {
        unsigned char byte = *(*at)++;
        number |= (uint32_t) (byte & 0x7f) << shift;
        if (byte < 0x80) return number;
    }
}

static PyObject *cyl_make_tuple(const unsigned char **at, Py_ssize_t count, PyObject **slots) {
    PyObject *made = PyTuple_New(count);
    if (!made) return NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyTuple_SET_ITEM(made, i, Py_NewRef(slots[cyl_packed(at)]));
    }
    return made;
}

static PyObject *cyl_make_code(const unsigned char **at, Py_ssize_t names, PyObject **slots) {
    /* argcount, posonly, kwonly, flags, filename, name, first line, line table, names of variables */
    uint32_t data[8];
    PyObject *varnames = NULL, *code = NULL, *empty = NULL, *made = NULL;
    for (int i = 0; i < 8; i++) data[i] = cyl_packed(at);
    PyObject *lines = slots[data[7]];
    /* As much "code" as there are places in the table, a multiple of code units, all zero. */
    Py_ssize_t length = PyBytes_GET_SIZE(lines);
    length = length ? (length * 2 + 4) & ~(Py_ssize_t) 3 : 0;
    varnames = cyl_make_tuple(at, names, slots);
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

static PyObject *cyl_make_constant(const unsigned char **at, PyObject **slots, void *const *symbols) {
    int kind = *(*at)++;
    double numbers[2];
    PyObject *made;
    if (kind == CYL_FLOAT || kind == CYL_COMPLEX) {
        memcpy(numbers, *at, sizeof numbers[0] * (kind == CYL_FLOAT ? 1 : 2));
        *at += sizeof numbers[0] * (kind == CYL_FLOAT ? 1 : 2);
        return kind == CYL_FLOAT ? PyFloat_FromDouble(numbers[0]) : PyComplex_FromDoubles(numbers[0], numbers[1]);
    }
    Py_ssize_t length = (Py_ssize_t) cyl_packed(at);
    const char *text = (const char *) *at;
    switch (kind) {
        case CYL_STR:
        case CYL_INTERNED:
            *at += length;
            made = PyUnicode_DecodeUTF8(text, length, "surrogatepass");
            if (made && kind == CYL_INTERNED) PyUnicode_InternInPlace(&made);
            return made;
        case CYL_BYTES:
            *at += length;
            return PyBytes_FromStringAndSize(text, length);
        case CYL_INT:
            *at += length;
            return PyLong_FromString(text, NULL, 0);
        case CYL_SYMBOL:
            return Py_NewRef((PyObject *) symbols[length]);
        default:
            break;
    }
    made = cyl_make_tuple(at, length, slots);
    if (made && kind == CYL_FROZENSET) Py_SETREF(made, PyFrozenSet_New(made));
    if (made && kind == CYL_SLICE) {
        PyObject **parts = &PyTuple_GET_ITEM(made, 0);
        Py_SETREF(made, PySlice_New(parts[0], parts[1], parts[2]));
    }
    return made;
}

/* Fills `slots`: code objects last, as they refer to any others, which refer to earlier ones only.
   0, or -1 with an exception. */
int cyl_make_constants(const unsigned char *packed, int64_t count, PyObject **slots, void *const *symbols) {
    for (int64_t i = 0; i < count; i++) {
        if (*packed == CYL_CODE) {
            Py_CLEAR(slots[i]);
            packed++;
            continue;
        }
        PyObject *made = cyl_make_constant(&packed, slots, symbols);
        if (!made) return -1;
        Py_XSETREF(slots[i], made);
    }
    for (int64_t i = 0; i < count; i++) {
        if (slots[i]) continue;
        Py_ssize_t names = (Py_ssize_t) cyl_packed(&packed);
        if (!(slots[i] = cyl_make_code(&packed, names, slots))) return -1;
    }
    return 0;
}
