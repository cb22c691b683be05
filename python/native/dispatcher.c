/* Functions of `cython_llvm.jit`: an object that picks the code compiled for the types of a call.
 *
 * Each specialisation has a guard per argument.  Names that the compiled code takes for granted (the
 * function's globals and builtins) are checked when the namespaces have changed since the last call.
 * Whatever does not fit goes to the controller, in Python:
 *
 *     controller.call(args, kwargs)              compiles for these types, and calls
 *     controller.overflow(index, args)           a specialisation gave up; calls the generic version
 *
 * Attributes that the object lacks are the controller's.
 */
#include "guards.h"

enum { MOST_SPECIALISATIONS = 32 };

typedef struct {
    PyObject *function;
    int restartable; /* OverflowError means: again, in Python's integers */
    Py_ssize_t count;
    CylGuard *guards;
} Specialisation;

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    PyObject *controller;
    PyObject *globals;  /* dict */
    PyObject *builtins; /* dict */
    PyObject *names;    /* tuple of (name, object or None: not there, whether of builtins) */
    uint64_t globals_version;
    uint64_t builtins_version;
    Py_ssize_t count;
    Specialisation specialisations[MOST_SPECIALISATIONS];
    PyObject *dict;
    PyObject *weakrefs;
} Dispatcher;

static void specialisation_clear(Specialisation *one) {
    for (Py_ssize_t i = 0; i < one->count; i++) {
        cyl_guard_clear(&one->guards[i]);
    }
    PyMem_Free(one->guards);
    one->guards = NULL;
    one->count = 0;
    Py_CLEAR(one->function);
}

/* Whether the names still mean what they meant; 0 without an exception where they do not. */
static int names_hold(Dispatcher *self) {
    PyDictObject *globals = (PyDictObject *)self->globals, *builtins = (PyDictObject *)self->builtins;
    if (globals->ma_version_tag == self->globals_version &&
        builtins->ma_version_tag == self->builtins_version) {
        return 1;
    }
    uint64_t globals_version = globals->ma_version_tag, builtins_version = builtins->ma_version_tag;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self->names); i++) {
        PyObject *one = PyTuple_GET_ITEM(self->names, i);
        PyObject *wanted = PyTuple_GET_ITEM(one, 1);
        PyObject *where = PyTuple_GET_ITEM(one, 2) == Py_True ? self->builtins : self->globals;
        PyObject *found = PyDict_GetItemWithError(where, PyTuple_GET_ITEM(one, 0));
        if (found == NULL && PyErr_Occurred()) {
            PyErr_Clear();
            return 0;
        }
        if (found != (wanted == Py_None ? NULL : wanted)) {
            return 0;
        }
    }
    self->globals_version = globals_version;
    self->builtins_version = builtins_version;
    return 1;
}

static PyObject *as_tuple(PyObject *const *args, Py_ssize_t count) {
    PyObject *tuple = PyTuple_New(count);
    for (Py_ssize_t i = 0; tuple != NULL && i < count; i++) {
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(args[i]));
    }
    return tuple;
}

static PyObject *by_controller(Dispatcher *self, PyObject *const *args, Py_ssize_t nargs, PyObject *keywords) {
    PyObject *result = NULL;
    PyObject *positional = as_tuple(args, nargs), *named = PyDict_New();
    if (positional != NULL && named != NULL) {
        Py_ssize_t count = keywords == NULL ? 0 : PyTuple_GET_SIZE(keywords), i = 0;
        for (; i < count; i++) {
            if (PyDict_SetItem(named, PyTuple_GET_ITEM(keywords, i), args[nargs + i]) < 0) {
                break;
            }
        }
        if (i == count) {
            result = PyObject_CallMethod(self->controller, "call", "OO", positional, named);
        }
    }
    Py_XDECREF(positional);
    Py_XDECREF(named);
    return result;
}

static PyObject *dispatch(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *keywords) {
    Dispatcher *self = (Dispatcher *)callable;
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    if (keywords == NULL && self->count != 0 && names_hold(self)) {
        for (Py_ssize_t s = 0; s < self->count; s++) {
            const Specialisation *one = &self->specialisations[s];
            if (one->count != nargs) {
                continue;
            }
            Py_ssize_t i = 0;
            while (i < nargs && cyl_guard_holds(&one->guards[i], args[i])) {
                i++;
            }
            if (i < nargs) {
                continue;
            }
            int restartable = one->restartable;
            PyObject *function = Py_NewRef(one->function);
            PyObject *result = PyObject_Vectorcall(function, args, nargsf, NULL);
            Py_DECREF(function);
            if (result == NULL && restartable && PyErr_ExceptionMatches(PyExc_OverflowError)) {
                PyErr_Clear();
                PyObject *tuple = as_tuple(args, nargs);
                if (tuple != NULL) {
                    result = PyObject_CallMethod(self->controller, "overflow", "nO", s, tuple);
                    Py_DECREF(tuple);
                }
            }
            return result;
        }
    }
    return by_controller(self, args, nargs, keywords);
}

/* ------------------------------------------------------------------ for the controller */

static PyObject *add(PyObject *object, PyObject *args) {
    Dispatcher *self = (Dispatcher *)object;
    PyObject *function, *guards;
    int restartable;
    if (!PyArg_ParseTuple(args, "OO!p", &function, &PyTuple_Type, &guards, &restartable)) {
        return NULL;
    }
    if (self->count == MOST_SPECIALISATIONS) {
        Py_RETURN_FALSE;
    }
    Specialisation made = {NULL, restartable, 0, NULL};
    Py_ssize_t count = PyTuple_GET_SIZE(guards);
    made.guards = PyMem_Calloc((size_t)(count ? count : 1), sizeof(CylGuard));
    if (made.guards == NULL) {
        return PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        if (cyl_guard_read(&made.guards[i], PyTuple_GET_ITEM(guards, i)) < 0) {
            specialisation_clear(&made);
            return NULL;
        }
        made.count = i + 1;
    }
    made.function = Py_NewRef(function);
    self->specialisations[self->count++] = made;
    Py_RETURN_TRUE;
}

static PyObject *watch(PyObject *object, PyObject *names) {
    Dispatcher *self = (Dispatcher *)object;
    if (!PyTuple_Check(names)) {
        PyErr_SetString(PyExc_TypeError, "names must be a tuple");
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
        PyObject *one = PyTuple_GET_ITEM(names, i);
        if (!PyTuple_Check(one) || PyTuple_GET_SIZE(one) != 3) {
            PyErr_SetString(PyExc_TypeError, "a name is (name, object, of builtins)");
            return NULL;
        }
    }
    Py_XSETREF(self->names, Py_NewRef(names));
    self->globals_version = self->builtins_version = 0;
    Py_RETURN_NONE;
}

static PyObject *holds(PyObject *object, PyObject *Py_UNUSED(ignored)) {
    return PyBool_FromLong(names_hold((Dispatcher *)object));
}

static PyObject *forget(PyObject *object, PyObject *Py_UNUSED(ignored)) {
    Dispatcher *self = (Dispatcher *)object;
    while (self->count > 0) {
        Specialisation old = self->specialisations[--self->count];
        specialisation_clear(&old);
    }
    Py_RETURN_NONE;
}

/* ------------------------------------------------------------------ the type */

static int dispatcher_traverse(PyObject *object, visitproc visit, void *arg) {
    Dispatcher *self = (Dispatcher *)object;
    Py_VISIT(self->controller);
    Py_VISIT(self->globals);
    Py_VISIT(self->builtins);
    Py_VISIT(self->names);
    Py_VISIT(self->dict);
    for (Py_ssize_t s = 0; s < self->count; s++) {
        Py_VISIT(self->specialisations[s].function);
        for (Py_ssize_t i = 0; i < self->specialisations[s].count; i++) {
            Py_VISIT(self->specialisations[s].guards[i].type);
            Py_VISIT(self->specialisations[s].guards[i].detail);
        }
    }
    return 0;
}

static int dispatcher_clear(PyObject *object) {
    Dispatcher *self = (Dispatcher *)object;
    Py_XDECREF(forget(object, NULL));
    Py_CLEAR(self->controller);
    Py_CLEAR(self->globals);
    Py_CLEAR(self->builtins);
    Py_CLEAR(self->names);
    Py_CLEAR(self->dict);
    return 0;
}

static void dispatcher_dealloc(PyObject *object) {
    PyObject_GC_UnTrack(object);
    if (((Dispatcher *)object)->weakrefs != NULL) {
        PyObject_ClearWeakRefs(object);
    }
    dispatcher_clear(object);
    Py_TYPE(object)->tp_free(object);
}

static PyObject *dispatcher_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *names[] = {"controller", "globals", "builtins", NULL};
    PyObject *controller, *globals, *builtins;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO!O!", names, &controller, &PyDict_Type, &globals,
                                     &PyDict_Type, &builtins)) {
        return NULL;
    }
    Dispatcher *self = (Dispatcher *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->vectorcall = dispatch;
    self->controller = Py_NewRef(controller);
    self->globals = Py_NewRef(globals);
    self->builtins = Py_NewRef(builtins);
    self->names = PyTuple_New(0);
    self->dict = PyDict_New();
    if (self->names == NULL || self->dict == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static PyObject *dispatcher_getattro(PyObject *object, PyObject *name) {
    PyObject *found = PyObject_GenericGetAttr(object, name);
    PyObject *controller = ((Dispatcher *)object)->controller;
    if (found != NULL || controller == NULL || !PyErr_ExceptionMatches(PyExc_AttributeError)) {
        return found;
    }
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(name, &size);
    if (text == NULL || text[0] == '_') {
        return NULL; /* the first error stays */
    }
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    found = PyObject_GetAttr(controller, name);
    if (found == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Restore(type, value, traceback);
        return NULL;
    }
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return found;
}

static PyObject *dispatcher_get(PyObject *object, PyObject *instance, PyObject *Py_UNUSED(owner)) {
    if (instance == NULL || instance == Py_None) {
        return Py_NewRef(object);
    }
    return PyMethod_New(object, instance);
}

static PyObject *dispatcher_repr(PyObject *object) {
    PyObject *name = PyObject_GetAttrString(object, "__qualname__");
    if (name == NULL) {
        PyErr_Clear();
        return PyUnicode_FromFormat("<jit function at %p>", object);
    }
    PyObject *text = PyUnicode_FromFormat("<jit function %U at %p>", name, object);
    Py_DECREF(name);
    return text;
}

/* Pickled by name, as functions are. */
static PyObject *dispatcher_reduce(PyObject *object, PyObject *Py_UNUSED(ignored)) {
    return PyObject_GetAttrString(object, "__qualname__");
}

static PyMethodDef dispatcher_methods[] = {
    {"_add", add, METH_VARARGS, "(function, guards, restartable) -> whether there was room"},
    {"_watch", watch, METH_O, "Names that the code takes for granted."},
    {"_holds", holds, METH_NOARGS, "Whether they mean what they meant."},
    {"_forget", forget, METH_NOARGS, "Drop all specialisations."},
    {"__reduce__", dispatcher_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef dispatcher_getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject Dispatcher_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "cython_llvm._native.JitDispatcher",
    .tp_basicsize = sizeof(Dispatcher),
    .tp_dealloc = dispatcher_dealloc,
    .tp_vectorcall_offset = offsetof(Dispatcher, vectorcall),
    .tp_repr = dispatcher_repr,
    .tp_call = PyVectorcall_Call,
    .tp_getattro = dispatcher_getattro,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
                Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_traverse = dispatcher_traverse,
    .tp_clear = dispatcher_clear,
    .tp_weaklistoffset = offsetof(Dispatcher, weakrefs),
    .tp_methods = dispatcher_methods,
    .tp_getset = dispatcher_getset,
    .tp_descr_get = dispatcher_get,
    .tp_dictoffset = offsetof(Dispatcher, dict),
    .tp_new = dispatcher_new,
};

int cyl_add_dispatcher(PyObject *module) {
    return PyModule_AddType(module, &Dispatcher_Type);
}
