/* Names in the bodies of Python classes. */

/* A name read in a class body: the namespace's, else the module's, else a built-in. */
PyObject *cyl_class_body_name(PyObject *space, PyObject *globals, PyObject *name,
                              PY_UINT64_T *version, PyObject **cached) {
    PyObject *value = PyObject_GetItem(space, name);
    if (value) return value;
    PyErr_Clear();
    return cyl_get_global(globals, name, version, cached);
}

/* `del name` in a class body. */
int cyl_class_body_delete(PyObject *space, PyObject *name) {
    if (likely(PyObject_DelItem(space, name) >= 0)) return 0;
    if (PyErr_ExceptionMatches(PyExc_KeyError)) {
        PyErr_Clear();
        PyErr_Format(PyExc_NameError, "name '%U' is not defined", name);
    }
    return -1;
}

/* Notes what the bases were before their __mro_entries__ were asked. */
int cyl_class_original_bases(PyObject *space, PyObject *bases, PyObject *original) {
    return bases == original ? 0 : PyDict_SetItemString(space, "__orig_bases__", original);
}

/* The class of the method that runs, for super(): borrowed, or NULL with an exception. */
PyObject *cyl_method_class(PyObject *function) {
    PyObject *found = __Pyx_CyFunction_GetClassObj(function);
    if (unlikely(!found)) PyErr_SetString(PyExc_RuntimeError, "super(): empty __class__ cell");
    return found;
}

/* Makes a class without bases and keywords, as Python 2 would have written it. */
PyObject *cyl_class_plain(PyObject *bases, PyObject *space, PyObject *name, PyObject *qualname,
                          PyObject *module, PyObject *doc) {
    if (doc && PyDict_SetItemString(space, "__doc__", doc) < 0) return NULL;
    return __Pyx_CreateClass(bases, space, name, qualname, module);
}

/* exec and globals() of a module's own dictionary. */
PyObject *cyl_exec(PyObject *code, PyObject *globals, PyObject *locals, PyObject *own) {
    if (!globals || globals == Py_None) globals = own;
    return __Pyx_PyExec3(code, globals, locals);
}

/* What `__next__` gives where it is called by its name; takes the reference over. */
PyObject *cyl_next_result(PyObject *result) {
    if (!result && !PyErr_Occurred()) PyErr_SetNone(PyExc_StopIteration);
    return result;
}

/* Makes an object of an extension type, as its type's own tp_new does. */
PyObject *cyl_call_new(PyObject *type, PyObject *args, PyObject *kwargs) {
    return ((PyTypeObject *) type)->tp_new((PyTypeObject *) type, args, kwargs);
}
