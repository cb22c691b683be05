/* Tracebacks, and the exception that is being handled. */

/* `cyl_add_traceback` where the GIL is not held; `globals` is the place of the dictionary. */
void cyl_add_traceback_nogil(void **cache, PyObject **globals, const char *name, int line,
                             const char *file) {
    PyGILState_STATE state = PyGILState_Ensure();
    cyl_add_traceback(cache, *globals, name, line, file);
    PyGILState_Release(state);
}

void cyl_raise_nogil(PyObject **exception, const char *message) {
    PyGILState_STATE state = PyGILState_Ensure();
    PyErr_SetString(*exception, message);
    PyGILState_Release(state);
}

PyObject *cyl_err_occurred_nogil(void) {
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *found = PyErr_Occurred();
    PyGILState_Release(state);
    return found;
}

/* What is handled now: new references, or nulls. */
void cyl_exc_save(PyObject **type, PyObject **value, PyObject **traceback) {
    __Pyx__ExceptionSave(__Pyx_PyThreadState_Current, type, value, traceback);
}

/* Puts back what `cyl_exc_save` gave; takes the references over. */
void cyl_exc_reset(PyObject *type, PyObject *value, PyObject *traceback) {
    __Pyx__ExceptionReset(__Pyx_PyThreadState_Current, type, value, traceback);
}

/* The exception that is set becomes the one that is handled: new references to its parts, over what
   the places held.  0, or -1 with an exception. */
int cyl_exc_get(PyObject **type, PyObject **value, PyObject **traceback) {
    Py_CLEAR(*type);
    Py_CLEAR(*value);
    Py_CLEAR(*traceback);
    return __Pyx__GetException(__Pyx_PyThreadState_Current, type, value, traceback);
}

/* Drops the exception that is set, where nobody else has it, and no code that could tell is there for
   making or freeing it.  Whether that is so; else it is still set. */
int cyl_exc_drop(void) {
#if CYTHON_FAST_THREAD_STATE && PY_VERSION_HEX < 0x030C00A6
    PyThreadState *state = __Pyx_PyThreadState_Current;
    PyObject *type = state->curexc_type, *value = state->curexc_value, *traceback = state->curexc_traceback;
    PyTypeObject *plain = (PyTypeObject *) PyExc_ValueError, *class = (PyTypeObject *) type;
    if (unlikely(!type || !PyExceptionClass_Check(type))) return 0;
    if (value && Py_IS_TYPE(value, class)) {
        if (Py_REFCNT(value) > 1 || class->tp_finalize || class->tp_del) return 0;
    } else if ((value && PyExceptionInstance_Check(value)) || class->tp_new != plain->tp_new
               || class->tp_init != plain->tp_init) {
        return 0; /* it would be made by code that may do anything */
    }
    state->curexc_type = state->curexc_value = state->curexc_traceback = NULL;
    Py_DECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return 1;
#else
    return 0;
#endif
}

/* `cyl_exc_save` and `cyl_exc_get` for code that does not hold the lock. */
void cyl_exc_handle_nogil(PyObject **saved_type, PyObject **saved_value, PyObject **saved_traceback,
                          PyObject **type, PyObject **value, PyObject **traceback) {
    PyGILState_STATE gil = PyGILState_Ensure();
    cyl_exc_save(saved_type, saved_value, saved_traceback);
    if (cyl_exc_get(type, value, traceback) < 0) PyErr_Fetch(type, value, traceback);
    PyGILState_Release(gil);
}
