/* Creation and initialisation of modules. */

/* Py_mod_create: a new module object with what the spec says, as Cython's modules have it. */
PyObject *cyl_module_create(PyObject *spec, PyModuleDef *def) {
    static const char *const fields[][2] = {
        {"loader", "__loader__"}, {"origin", "__file__"}, {"parent", "__package__"},
        {"submodule_search_locations", "__path__"},
    };
    PyObject *name = PyObject_GetAttrString(spec, "name");
    if (!name) return NULL;
    PyObject *module = PyModule_NewObject(name);
    Py_DECREF(name);
    if (!module) return NULL;
    (void) def;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        PyObject *value = PyObject_GetAttrString(spec, fields[i][0]);
        int failed = 0;
        if (value) {
            if (value != Py_None || i < 3) failed = PyObject_SetAttrString(module, fields[i][1], value);
            Py_DECREF(value);
        } else if (PyErr_ExceptionMatches(PyExc_AttributeError)) {
            PyErr_Clear();
        } else {
            failed = -1;
        }
        if (failed < 0) {
            Py_DECREF(module);
            return NULL;
        }
    }
    return module;
}

/* The start of a module's execution: `object` and `dict` are the places for it and its dictionary. */
int cyl_module_begin(PyObject *module, PyObject **object, PyObject **dict) {
    extern int cyl_runtime_init(void);
    if (cyl_runtime_init() < 0) return -1;
    PyObject *own = PyModule_GetDict(module); /* borrowed */
    PyObject *builtins = PyImport_AddModule("builtins"); /* borrowed */
    if (!own || !builtins) return -1;
    if (PyDict_SetItemString(own, "__builtins__", builtins) < 0) return -1;
    Py_XSETREF(*object, Py_NewRef(module));
    Py_XSETREF(*dict, Py_NewRef(own));
    return 0;
}
