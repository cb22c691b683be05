/* Functions of fused types. */

void cyl_set_signatures(PyObject *function, PyObject *signatures) {
    PyObject *old = __Pyx_as_FusedFunctionObject(function)->__signatures__;
    Py_INCREF(signatures);
    __Pyx_as_FusedFunctionObject(function)->__signatures__ = signatures;
    Py_XDECREF(old);
}

typedef PyObject *(*cyl_vector_function)(PyObject *, PyObject *const *, Py_ssize_t, PyObject *);

/* Calls a function of the vectorcall convention with a tuple and a dictionary or null. */
PyObject *cyl_call_varargs(cyl_vector_function function, PyObject *self, PyObject *args, PyObject *kwargs) {
    Py_ssize_t positional = PyTuple_GET_SIZE(args), given = kwargs ? PyDict_GET_SIZE(kwargs) : 0;
    Py_ssize_t at = 0, count = 0;
    PyObject **vector, *names = NULL, *result = NULL, *key, *value;
    if (!given) return function(self, ((PyTupleObject *) args)->ob_item, positional, NULL);
    vector = (PyObject **) PyMem_Calloc((size_t) (positional + given), sizeof(PyObject *));
    if (!vector) return PyErr_NoMemory();
    names = PyTuple_New(given);
    if (!names) goto done;
    for (Py_ssize_t i = 0; i < positional; i++) vector[i] = Py_NewRef(PyTuple_GET_ITEM(args, i));
    while (count < given && PyDict_Next(kwargs, &at, &key, &value)) {
        PyTuple_SET_ITEM(names, count, Py_NewRef(key));
        vector[positional + count++] = Py_NewRef(value);
    }
    for (Py_ssize_t i = 0; i < given; i++) {
        if (!PyUnicode_Check(PyTuple_GET_ITEM(names, i))) {
            PyErr_SetString(PyExc_TypeError, "keywords must be strings");
            goto done;
        }
    }
    result = function(self, vector, positional, names);
done:
    for (Py_ssize_t i = 0; i < positional + given; i++) Py_XDECREF(vector[i]);
    PyMem_Free(vector);
    Py_XDECREF(names);
    return result;
}
