/* Creation and initialisation of modules. */

/* A module's definition as code generation makes it. */
typedef struct {
    PyModuleDef def;
    PyObject **object; /* the place of the module object */
} cyl_module_def;

/* Py_mod_create: a new module object with what the spec says, as Cython's modules have it, or the one
   that there is already: there is only ever one. */
PyObject *cyl_module_create(PyObject *spec, PyModuleDef *def) {
    static const char *const fields[][2] = {
        {"loader", "__loader__"}, {"origin", "__file__"}, {"parent", "__package__"},
        {"submodule_search_locations", "__path__"},
    };
    static int64_t interpreter = 0; /* 1 more than the number of the first one */
    int64_t current = PyInterpreterState_GetID(PyThreadState_Get()->interp);
    if (current == -1) return NULL;
    if (!interpreter) interpreter = current + 1;
    if (interpreter != current + 1) {
        PyErr_SetString(PyExc_ImportError, "Interpreter change detected - this module can only be loaded "
                                           "into one interpreter per process.");
        return NULL;
    }
    PyObject *own = *((cyl_module_def *) def)->object;
    if (own) return Py_NewRef(own);
    PyObject *name = PyObject_GetAttrString(spec, "name");
    if (!name) return NULL;
    PyObject *module = PyModule_NewObject(name);
    Py_DECREF(name);
    if (!module) return NULL;
    PyObject *dict = PyModule_GetDict(module); /* borrowed */
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        PyObject *value = PyObject_GetAttrString(spec, fields[i][0]);
        int failed = 0;
        if (value) {
            if (value != Py_None || i < 3) failed = PyDict_SetItemString(dict, fields[i][1], value);
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

/* The start of a module's execution: `object` and `dict` are the places for it and its dictionary.  1
   where it has been executed before. */
int cyl_module_begin(PyObject *module, PyObject **object, PyObject **dict) {
    extern int cyl_runtime_init(void);
    if (*object == module) return 1;
    if (*object) {
        PyErr_Format(PyExc_RuntimeError, "Module '%s' has already been imported. "
                                         "Re-initialisation is not supported.", PyModule_GetName(module));
        return -1;
    }
    PyObject *own = PyModule_GetDict(module); /* borrowed */
    /* What fails from here on has its line in the traceback. */
    if (own) Py_XSETREF(*dict, Py_NewRef(own));
    if (cyl_runtime_init() < 0) return -1;
    PyObject *builtins = PyImport_AddModule("builtins"); /* borrowed */
    if (!own || !builtins) return -1;
    if (PyDict_SetItemString(own, "__builtins__", builtins) < 0) return -1;
    Py_XSETREF(*object, Py_NewRef(module));
    return 0;
}

/* The end of an execution that failed: the module may be imported again. */
void cyl_module_failed(PyObject **object) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    Py_CLEAR(*object);
    PyErr_Restore(type, value, traceback);
}

/* Counting for code that is not optimised, as a module's execution. */
void cyl_hold(PyObject *object) { Py_XINCREF(object); }
void cyl_release(PyObject *object) { Py_XDECREF(object); }

/* Sets a C variable of the module: 1, or 0 where there is none of the name; -1 with an exception. */
typedef int (*cyl_star_setter)(PyObject *name, PyObject *value);

/* `from ... import *`: every public name, but those in `types`, the module's extension types. */
static int cyl_import_star_one(PyObject *own, PyObject *name, PyObject *value, PyObject *types,
                               cyl_star_setter setter) {
    PyObject *text = PyUnicode_FromObject(name);
    if (!text) return -1;
    int result = -1;
    if (PyUnicode_GetLength(text) < 1) {
        Py_DECREF(text);
        return 0;
    }
    PyUnicode_InternInPlace(&text);
    int found = PySequence_Contains(types, text);
    if (found > 0) {
        PyErr_Format(PyExc_TypeError, "Cannot overwrite C type %.200U", text);
    } else if (found == 0) {
        result = setter ? setter(text, value) : 0;
        result = result ? (result > 0 ? 0 : -1) : PyObject_SetAttr(own, text, value);
    }
    Py_DECREF(text);
    return result;
}

/* The names to import, from `__all__` or the dictionary; `public` is set where those with an underscore
   are left out. */
static PyObject *cyl_import_star_names(PyObject *from, int *public) {
    *public = 0;
    PyObject *names = PyObject_GetAttrString(from, "__all__");
    if (names || !PyErr_ExceptionMatches(PyExc_AttributeError)) return names;
    PyErr_Clear();
    PyObject *dict = PyObject_GetAttrString(from, "__dict__");
    if (!dict) {
        if (PyErr_ExceptionMatches(PyExc_AttributeError)) {
            PyErr_SetString(PyExc_ImportError, "from-import-* object has no __dict__ and no __all__");
        }
        return NULL;
    }
    *public = 1;
    names = PyMapping_Keys(dict);
    Py_DECREF(dict);
    return names;
}

int cyl_import_star(PyObject *own, PyObject *from, PyObject *types, cyl_star_setter setter) {
    int public, result = -1;
    PyObject *found = PyDict_New(), *names = NULL, *name, *value;
    if (!found || !(names = cyl_import_star_names(from, &public))) goto done;
    for (Py_ssize_t i = 0;; i++) {
        name = PySequence_GetItem(names, i);
        if (!name) {
            if (!PyErr_ExceptionMatches(PyExc_IndexError)) goto done;
            PyErr_Clear();
            break;
        }
        if (public && PyUnicode_Check(name) && PyUnicode_GetLength(name) > 0
                && PyUnicode_READ_CHAR(name, 0) == '_') {
            Py_DECREF(name);
            continue;
        }
        value = PyObject_GetAttr(from, name);
        int set = value ? PyDict_SetItem(found, name, value) : -1;
        Py_DECREF(name);
        Py_XDECREF(value);
        if (set < 0) goto done;
    }
    Py_ssize_t at = 0;
    while (PyDict_Next(found, &at, &name, &value)) {
        if (cyl_import_star_one(own, name, value, types, setter) < 0) goto done;
    }
    result = 0;
done:
    Py_XDECREF(found);
    Py_XDECREF(names);
    return result;
}

/* The dictionary in which a module gives its C functions and variables to others. */
PyObject *cyl_capi(PyObject *dict, PyObject *module) {
    PyObject *found = PyDict_GetItemString(dict, "__pyx_capi__"); /* borrowed */
    if (found) return Py_NewRef(found);
    found = PyDict_New();
    if (found && PyObject_SetAttrString(module, "__pyx_capi__", found) < 0) Py_CLEAR(found);
    return found;
}
