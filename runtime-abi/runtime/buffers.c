/* Buffers of variables that are declared with items, such as `np.ndarray[double, ndim=2]`. */

/* As deep as structs within structs may be. */
#define CYL_BUFFER_DEPTH 32

/* Takes the buffer of an object that must have such items: 0, or -1 with an exception. */
int cyl_buffer_get(Py_buffer *view, PyObject *o, const void *dtype, int flags, int ndim, int cast) {
    __Pyx_BufFmt_StackElem stack[CYL_BUFFER_DEPTH];
    return __Pyx_GetBufferAndValidate(view, o, (const __Pyx_TypeInfo *) dtype, flags, ndim, cast, stack) == -1 ? -1 : 0;
}

/* The same in place of the buffer that is held; where that fails the old object's is taken again. */
int cyl_buffer_replace(Py_buffer *view, PyObject *o, const void *dtype, int flags, int ndim, int cast, PyObject *old) {
    PyObject *kind, *value, *traceback;
    __Pyx_SafeReleaseBuffer(view);
    if (likely(cyl_buffer_get(view, o, dtype, flags, ndim, cast) == 0)) {
        return 0;
    }
    PyErr_Fetch(&kind, &value, &traceback);
    if (unlikely(cyl_buffer_get(view, old, dtype, flags, ndim, cast) == -1)) {
        Py_XDECREF(kind);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
        __Pyx_RaiseBufferFallbackError();
    } else {
        PyErr_Restore(kind, value, traceback);
    }
    return -1;
}

/* Gives a buffer back at the end of a function, whether an exception is set or not. */
void cyl_buffer_release(Py_buffer *view) {
    PyObject *kind, *value, *traceback;
    if (!view->buf) {
        return;
    }
    PyErr_Fetch(&kind, &value, &traceback);
    __Pyx_SafeReleaseBuffer(view);
    PyErr_Restore(kind, value, traceback);
}

/* An object as a memoryview of a type; a null memoryview, and an exception, where it is none. */
void cyl_slice_match(__Pyx_memviewslice *out, const void *axes, int order, int flags, int ndim, const void *dtype,
                     PyObject *o) {
    __Pyx_BufFmt_StackElem stack[CYL_BUFFER_DEPTH];
    out->memview = NULL;
    out->data = NULL;
    if (__Pyx_ValidateAndInit_memviewslice((int *) axes, order, flags, ndim, (const __Pyx_TypeInfo *) dtype, stack,
                                           out, o) == -1) {
        out->memview = NULL;
        out->data = NULL;
    }
}
