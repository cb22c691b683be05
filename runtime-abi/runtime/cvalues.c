/* Conversions of objects to C types that every module has for itself: enums, C tuples. */

/* The OverflowError that there may be is to speak of this type, where it speaks of one of Cython's
   conversions and not of CPython's own ("Python int too large to convert to C long"). */
static void cyl_name_overflow(const char *type) {
    static const char negative[] = "can't convert negative value to ";
    static const char large[] = "value too large to convert to ";
    PyObject *kind, *value, *traceback;
    if (!PyErr_Occurred() || !PyErr_ExceptionMatches(PyExc_OverflowError)) {
        return;
    }
    PyErr_Fetch(&kind, &value, &traceback);
    PyObject *shown = value ? PyObject_Str(value) : NULL;
    const char *text = shown ? PyUnicode_AsUTF8(shown) : NULL;
    if (unlikely(!text)) PyErr_Clear();
    const char *start = !text                                              ? NULL
                        : strncmp(text, negative, sizeof(negative) - 1) == 0 ? negative
                        : strncmp(text, large, sizeof(large) - 1) == 0       ? large
                                                                             : NULL;
    if (start) {
        Py_XDECREF(kind);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
        PyErr_Format(PyExc_OverflowError, "%s%s", start, type);
    } else {
        PyErr_Restore(kind, value, traceback);
    }
    Py_XDECREF(shown);
}

/* An enum's value; as unsigned where it has no negative ones. */
int cyl_enum_from_python(PyObject *o, const char *type, int is_unsigned) {
    int result = is_unsigned ? (int) __Pyx_PyLong_As_unsigned_int(o) : __Pyx_PyLong_As_int(o);
    if (unlikely(result == -1)) {
        cyl_name_overflow(type);
    }
    return result;
}

/* An integer of a typedef of C's headers, of so many bits; -1 with an exception. */
long long cyl_typedef_from_python(PyObject *o, const char *type, int bits, int is_unsigned) {
    long long result;
    switch (bits) {
    case 8:
        result = is_unsigned ? (signed char) __Pyx_PyLong_As_unsigned_char(o) : __Pyx_PyLong_As_signed_char(o);
        break;
    case 16:
        result = is_unsigned ? (short) __Pyx_PyLong_As_unsigned_short(o) : __Pyx_PyLong_As_short(o);
        break;
    case 32:
        result = is_unsigned ? (int) __Pyx_PyLong_As_unsigned_int(o) : __Pyx_PyLong_As_int(o);
        break;
    default:
        result = is_unsigned ? (long long) __Pyx_PyLong_As_unsigned_long(o) : __Pyx_PyLong_As_long(o);
    }
    if (unlikely(result == -1)) {
        cyl_name_overflow(type);
    }
    return result;
}

/* Whether an object can become a C tuple of so many items: 0, or -1 with an exception. */
int cyl_ctuple_check(PyObject *o, Py_ssize_t size) {
    if (PyTuple_Check(o) && PyTuple_GET_SIZE(o) == size) return 0;
    if (PyList_Check(o) && PyList_GET_SIZE(o) == size) return 0;
    if (unlikely(!PySequence_Check(o))) {
        __Pyx_TypeName name = __Pyx_PyType_GetFullyQualifiedName(Py_TYPE(o));
        PyErr_Format(PyExc_TypeError, "Expected a sequence of size %zd, got " __Pyx_FMT_TYPENAME, size, name);
        __Pyx_DECREF_TypeName(name);
        return -1;
    }
    if (unlikely(PySequence_Length(o) != size)) {
        PyErr_Format(PyExc_TypeError, "Expected a sequence of size %zd, got size %zd", size,
                     PySequence_Length(o));
        return -1;
    }
    return 0;
}

/* An item of what `cyl_ctuple_check` let pass; a new reference. */
PyObject *cyl_ctuple_item(PyObject *o, Py_ssize_t index, Py_ssize_t size) {
    PyObject *item;
    if (PyTuple_Check(o) && PyTuple_GET_SIZE(o) == size) {
        item = PyTuple_GET_ITEM(o, index);
    } else if (PyList_Check(o) && PyList_GET_SIZE(o) == size) {
        item = PyList_GET_ITEM(o, index);
    } else {
        return __Pyx_PySequence_ITEM(o, index);
    }
    Py_INCREF(item);
    return item;
}

void cyl_raise_slice_length(Py_ssize_t expected, Py_ssize_t got) {
    PyErr_Format(PyExc_ValueError, "Assignment to slice of wrong length, expected %zd, got %zd", expected,
                 got);
}

/* An integer of 128 bits as an object. */
PyObject *cyl_int128_to_python(const void *value, int is_unsigned) {
    return _PyLong_FromByteArray((const unsigned char *) value, 16, 1, !is_unsigned);
}

/* An object as an integer of 128 bits, of a type of that name: 0, or -1 with an exception. */
int cyl_int128_from_python(void *result, PyObject *o, const char *type, int is_unsigned) {
    int failed = -1;
    PyObject *number = __Pyx_PyNumber_Long(o);
    if (unlikely(!number)) return -1;
    if (is_unsigned && _PyLong_Sign(number) < 0) {
        PyErr_Format(PyExc_OverflowError, "can't convert negative value to %s", type);
    } else {
#if PY_VERSION_HEX >= 0x030d0000
        failed = _PyLong_AsByteArray((PyLongObject *) number, (unsigned char *) result, 16, 1, !is_unsigned, 0);
        if (unlikely(failed)) {
            PyErr_Format(PyExc_OverflowError, "value too large to convert to %s", type);
        }
#else
        failed = _PyLong_AsByteArray((PyLongObject *) number, (unsigned char *) result, 16, 1, !is_unsigned);
#endif
    }
    Py_DECREF(number);
    return failed;
}
