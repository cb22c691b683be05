/* Functions of fused types. */

void cyl_set_signatures(PyObject *function, PyObject *signatures) {
    PyObject *old = __Pyx_as_FusedFunctionObject(function)->__signatures__;
    Py_INCREF(signatures);
    __Pyx_as_FusedFunctionObject(function)->__signatures__ = signatures;
    Py_XDECREF(old);
}
