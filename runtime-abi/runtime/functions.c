/* Computed defaults of functions: an object that the function holds, with one place of 8 bytes for
   each; the places of objects come first. */

typedef struct {
    PyObject_VAR_HEAD
    Py_ssize_t objects;
    void *places[1];
} cyl_defaults;

static int cyl_defaults_traverse(PyObject *o, visitproc visit, void *arg) {
    cyl_defaults *self = (cyl_defaults *) o;
    for (Py_ssize_t i = 0; i < self->objects; i++) Py_VISIT((PyObject *) self->places[i]);
    return 0;
}

static int cyl_defaults_clear(PyObject *o) {
    cyl_defaults *self = (cyl_defaults *) o;
    for (Py_ssize_t i = 0; i < self->objects; i++) {
        PyObject *old = (PyObject *) self->places[i];
        self->places[i] = Py_NewRef(Py_None);
        Py_XDECREF(old);
    }
    return 0;
}

static void cyl_defaults_dealloc(PyObject *o) {
    cyl_defaults *self = (cyl_defaults *) o;
    PyObject_GC_UnTrack(o);
    for (Py_ssize_t i = 0; i < self->objects; i++) Py_XDECREF((PyObject *) self->places[i]);
    PyObject_GC_Del(o);
}

static PyTypeObject cyl_defaults_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "cython_llvm.defaults",
    .tp_basicsize = offsetof(cyl_defaults, places),
    .tp_itemsize = sizeof(void *),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_dealloc = cyl_defaults_dealloc,
    .tp_traverse = cyl_defaults_traverse,
    .tp_clear = cyl_defaults_clear,
};

/* Gives a function places for its defaults, the first `objects` of them for objects, and returns
   their address; NULL with an exception. */
void *cyl_function_defaults_new(PyObject *function, Py_ssize_t objects, Py_ssize_t count) {
    if (PyType_Ready(&cyl_defaults_type) < 0) return NULL;
    cyl_defaults *made = PyObject_GC_NewVar(cyl_defaults, &cyl_defaults_type, count);
    if (!made) return NULL;
    made->objects = objects;
    memset(made->places, 0, (size_t) count * sizeof(void *));
    PyObject_GC_Track((PyObject *) made);
    ((__pyx_CyFunctionObject *) function)->defaults = (PyObject *) made;
    return made->places;
}

/* The places of a function's defaults. */
void *cyl_function_defaults(PyObject *function) {
    return ((cyl_defaults *) ((__pyx_CyFunctionObject *) function)->defaults)->places;
}

/* The self of a call of a function that is not bound by Cython's own kind of function object. */
PyObject *cyl_builtin_self(PyObject *function) {
    return PyCFunction_GET_SELF(function);
}
