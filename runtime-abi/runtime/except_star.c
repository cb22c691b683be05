/* `except*`: what Cython's C writes at the places of its nodes. */

#if PY_VERSION_HEX >= 0x030B0000
/* An exception in validating or matching; the first one is raised in the end. */
static int cyl_star_failed(PyObject **internal) {
    if (!*internal) {
        PyObject *type, *traceback;
        __Pyx_PyErr_FetchException(&type, internal, &traceback);
        Py_XINCREF(*internal);
        __Pyx_PyErr_RestoreException(type, *internal, traceback);
    }
    return -1;
}

int cyl_star_validate(PyObject *pattern, PyObject **internal) {
    return __Pyx_ValidateStarCatchPattern(pattern) ? cyl_star_failed(internal) : 0;
}

/* Moves what of `rest` the patterns are for to `matched`; None where that is nothing. */
int cyl_star_match(PyObject **patterns, Py_ssize_t count, PyObject **rest, PyObject **matched,
                   PyObject **internal) {
    PyObject *wanted;
    Py_ssize_t index;
    int failed;
    Py_XSETREF(*matched, Py_NewRef(Py_None));
    if (*rest == Py_None) return 0;
    if (count == 1) {
        wanted = Py_NewRef(patterns[0]);
    } else {
        wanted = PyTuple_New(count);
        if (unlikely(!wanted)) return cyl_star_failed(internal);
        for (index = 0; index < count; index++) {
            PyTuple_SET_ITEM(wanted, index, Py_NewRef(patterns[index]));
        }
    }
    failed = __Pyx_ExceptionGroupMatch(wanted, rest, matched);
    Py_DECREF(wanted);
    return unlikely(failed) ? cyl_star_failed(internal) : 0;
}

/* `exception` is the one that is handled; its parts are those of the `except` around. */
void cyl_star_handle(PyObject *exception, PyObject **type, PyObject **value, PyObject **traceback) {
    Py_XSETREF(*type, Py_NewRef((PyObject *) Py_TYPE(exception)));
    Py_XSETREF(*value, Py_NewRef(exception));
    Py_XSETREF(*traceback, PyException_GetTraceback(exception));
    PyErr_SetHandledException(exception);
}

/* 0 where nothing is left to raise; 1 where an exception is set which has its traceback, 2 for the one
   of matching, -1 for any other.  `own`: Cython's function that joins exceptions, where CPython has none. */
int cyl_star_end(PyObject *raised, PyObject *original, PyObject *rest, PyObject **internal,
                 PyObject *(*own)(PyObject *, PyObject *)) {
    PyObject *joined;
    if (unlikely(*internal)) {
        __Pyx_RaisePreppedException(*internal);
        Py_CLEAR(*internal);
        return 2;
    }
    if (!PyList_GET_SIZE(raised) && rest == Py_None) return 0;
    if (rest != Py_None && unlikely(PyList_Append(raised, rest) < 0)) return -1;
#if CYTHON_USE_OWN_PREP_RERAISE_STAR
    joined = own(original, raised);
#else
    (void) own;
    joined = PyUnstable_Exc_PrepReraiseStar(original, raised);
#endif
    if (unlikely(!joined)) return -1;
    __Pyx_RaisePreppedException(joined);
    Py_DECREF(joined);
    return 1;
}
#endif
