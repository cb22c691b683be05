/* The state of the helpers: that of the module `cython_llvm._cyrt`, or, where they are linked into a
   library that works without that package, of a module of the library's own. */

extern const int cyl_runtime_static __attribute__((weak));

static PyObject *cyl_own_runtime(void) {
    /* Initialisation enters the module into sys.modules by its name, which is the package's. */
    static const char name[] = "cython_llvm._cyrt";
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    PyObject *before = Py_XNewRef(PyDict_GetItemString(modules, name));
    PyObject *types = PyImport_ImportModule("types");
    PyObject *space = types ? PyObject_GetAttrString(types, "SimpleNamespace") : NULL;
    PyObject *empty = PyTuple_New(0);
    PyObject *fields = Py_BuildValue("{s:s,s:O,s:O,s:s,s:O}", "name", name, "loader", Py_None, "origin",
                                     Py_None, "parent", "", "submodule_search_locations", Py_None);
    PyObject *spec = space && empty && fields ? PyObject_Call(space, empty, fields) : NULL;
    PyModuleDef *def = spec ? (PyModuleDef *) PyInit__cyrt() : NULL;
    PyObject *module = def ? PyModule_FromDefAndSpec(def, spec) : NULL;
    if (module && PyModule_ExecDef(module, def) < 0) Py_CLEAR(module);
    Py_XDECREF(types);
    Py_XDECREF(space);
    Py_XDECREF(empty);
    Py_XDECREF(fields);
    Py_XDECREF(spec);
    if (before) {
        if (PyDict_SetItemString(modules, name, before) < 0) Py_CLEAR(module);
    } else if (module && PyDict_GetItemString(modules, name)) {
        if (PyDict_DelItemString(modules, name) < 0) Py_CLEAR(module);
    }
    Py_XDECREF(before);
    return module;
}

/* Makes sure that the state is there, cheaply after the first call.  0, or -1 with an exception. */
int cyl_runtime_init(void); /*proto*/
int cyl_runtime_init(void) {
    static PyObject *module = NULL;
    if (unlikely(!module)) {
        module = &cyl_runtime_static ? cyl_own_runtime() : PyImport_ImportModule("cython_llvm._cyrt");
    }
    return likely(module) ? 0 : -1;
}
