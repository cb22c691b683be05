/* Functions of `cython_llvm.jit`: an object that picks the code compiled for the types of a call.
 *
 * Each specialisation has a guard per argument.  Names that the compiled code takes for granted (the
 * function's globals and builtins) are checked when the namespaces have changed since the last call.
 * Whatever does not fit goes to the controller, in Python:
 *
 *     controller.call(args)                      compiles for these types, and calls
 *     controller.overflow(index, args)           a specialisation gave up; calls the generic version
 *
 * Compiled code takes a value for every parameter, in their order: defaults are filled in here, `*rest`
 * is a tuple and `**named` a dict.  Arguments that do not fit go to the Python function, which says so.
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
    PyObject *cells;    /* tuple of (cell, the object in it) */
    PyObject *function; /* the Python function */
    PyObject *parameters; /* tuple of all names: plain, *rest, keyword-only, **named */
    Py_ssize_t plain;
    Py_ssize_t positional_only;
    int has_rest;
    int has_named;
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
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self->cells); i++) {
        PyObject *one = PyTuple_GET_ITEM(self->cells, i);
        if (PyCell_GET(PyTuple_GET_ITEM(one, 0)) != PyTuple_GET_ITEM(one, 1)) {
            return 0;
        }
    }
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

/* The index of a name in the parameters from `first` on; -1: none, -2: error. */
static Py_ssize_t place_of(const Dispatcher *self, PyObject *name, Py_ssize_t first) {
    Py_ssize_t count = PyTuple_GET_SIZE(self->parameters) - self->has_named;
    for (Py_ssize_t i = first; i < count; i++) {
        if (PyTuple_GET_ITEM(self->parameters, i) == name) {
            return i;
        }
    }
    for (Py_ssize_t i = first; i < count; i++) {
        int equal = PyObject_RichCompareBool(PyTuple_GET_ITEM(self->parameters, i), name, Py_EQ);
        if (equal != 0) {
            return equal < 0 ? -2 : i;
        }
    }
    return -1;
}

/* A value for every parameter, as a tuple.  NULL without an exception where the arguments do not fit. */
static PyObject *arranged(Dispatcher *self, PyObject *const *args, Py_ssize_t nargs, PyObject *keywords) {
    Py_ssize_t count = PyTuple_GET_SIZE(self->parameters), plain = self->plain;
    Py_ssize_t rest = self->has_rest ? plain : -1, named = self->has_named ? count - 1 : -1;
    if (nargs > plain && rest < 0) {
        return NULL;
    }
    PyObject *made = PyTuple_New(count);
    if (made == NULL) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < nargs && i < plain; i++) {
        PyTuple_SET_ITEM(made, i, Py_NewRef(args[i]));
    }
    if (rest >= 0) {
        PyObject *tuple = nargs > plain ? as_tuple(args + plain, nargs - plain) : PyTuple_New(0);
        if (tuple == NULL) {
            goto unfit;
        }
        PyTuple_SET_ITEM(made, rest, tuple);
    }
    if (named >= 0) {
        PyObject *dict = PyDict_New();
        if (dict == NULL) {
            goto unfit;
        }
        PyTuple_SET_ITEM(made, named, dict);
    }
    for (Py_ssize_t k = 0; keywords != NULL && k < PyTuple_GET_SIZE(keywords); k++) {
        PyObject *name = PyTuple_GET_ITEM(keywords, k);
        Py_ssize_t place = place_of(self, name, self->positional_only);
        if (place == -2) {
            goto unfit;
        }
        if (place >= 0 && place != rest) {
            if (PyTuple_GET_ITEM(made, place) != NULL) {
                goto unfit;
            }
            PyTuple_SET_ITEM(made, place, Py_NewRef(args[nargs + k]));
        } else if (named < 0 || PyDict_SetItem(PyTuple_GET_ITEM(made, named), name, args[nargs + k]) < 0) {
            goto unfit;
        }
    }
    PyObject *defaults = PyFunction_GET_DEFAULTS(self->function);
    Py_ssize_t without = plain - (defaults == NULL ? 0 : PyTuple_GET_SIZE(defaults));
    PyObject *keyword_defaults = PyFunction_GET_KW_DEFAULTS(self->function);
    for (Py_ssize_t i = 0; i < count; i++) {
        if (PyTuple_GET_ITEM(made, i) != NULL) {
            continue;
        }
        PyObject *value = NULL;
        if (i < plain && i >= without) {
            value = PyTuple_GET_ITEM(defaults, i - without);
        } else if (i > plain - 1 && keyword_defaults != NULL) {
            value = PyDict_GetItemWithError(keyword_defaults, PyTuple_GET_ITEM(self->parameters, i));
        }
        if (value == NULL) {
            goto unfit;
        }
        PyTuple_SET_ITEM(made, i, Py_NewRef(value));
    }
    return made;
unfit:
    Py_DECREF(made);
    return NULL;
}

/* The words of Python for a variable that compiled code found unbound; `frames`: between it and here. */
static void reword(int frames) {
#if PY_VERSION_HEX >= 0x030b0000
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyObject *text = value == NULL ? NULL : PyObject_Str(value);
    PyTracebackObject *frame = (PyTracebackObject *)traceback;
    for (; frame != NULL && frames > 0; frames--) {
        frame = frame->tb_next;
    }
    if (text != NULL && frame == NULL) { /* raised in the function itself */
        const char *words = PyUnicode_AsUTF8(text), *end;
        static const char before[] = "local variable '", after[] = "' referenced before assignment";
        if (words != NULL && strncmp(words, before, sizeof(before) - 1) == 0 &&
            (end = strstr(words, after)) != NULL) {
            words += sizeof(before) - 1;
            PyObject *name = PyUnicode_FromStringAndSize(words, end - words);
            PyObject *told = name == NULL ? NULL : PyUnicode_FromFormat(
                "cannot access local variable '%U' where it is not associated with a value", name);
            PyObject *args = told == NULL ? NULL : PyTuple_Pack(1, told);
            if (args != NULL) {
                (void)PyObject_SetAttrString(value, "args", args);
            }
            Py_XDECREF(name);
            Py_XDECREF(told);
            Py_XDECREF(args);
        }
    }
    Py_XDECREF(text);
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
#endif
}

/* The call by a specialisation; 0 where none fits. */
static int specialised(Dispatcher *self, PyObject *const *args, Py_ssize_t nargs, PyObject **result) {
    for (Py_ssize_t s = 0; s < self->count; s++) {
        const Specialisation *one = &self->specialisations[s];
        Py_ssize_t i = 0;
        while (i < nargs && cyl_guard_holds(&one->guards[i], args[i])) {
            i++;
        }
        if (i < nargs) {
            continue;
        }
        int restartable = one->restartable;
        PyObject *function = Py_NewRef(one->function);
        *result = PyObject_Vectorcall(function, args, (size_t)nargs, NULL);
        Py_DECREF(function);
        if (*result == NULL && restartable && PyErr_ExceptionMatches(PyExc_OverflowError)) {
            PyErr_Clear();
            PyObject *tuple = as_tuple(args, nargs);
            if (tuple != NULL) {
                *result = PyObject_CallMethod(self->controller, "overflow", "nO", s, tuple);
                Py_DECREF(tuple);
            }
        }
        if (*result == NULL && PyErr_ExceptionMatches(PyExc_UnboundLocalError)) {
            reword(1);
        }
        return 1;
    }
    return 0;
}

static PyObject *dispatch(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *keywords) {
    Dispatcher *self = (Dispatcher *)callable;
    if (self->function == NULL) { /* garbage by now */
        PyErr_SetString(PyExc_ReferenceError, "a jit function that is gone");
        return NULL;
    }
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf), count = PyTuple_GET_SIZE(self->parameters);
    PyObject *result = NULL, *made = NULL;
    if (keywords != NULL || nargs != count || self->plain != count) {
        made = arranged(self, args, nargs, keywords);
        if (made == NULL) {
            if (PyErr_Occurred()) {
                PyErr_Clear();
            }
            return PyObject_Vectorcall(self->function, args, nargsf, keywords);
        }
        args = ((PyTupleObject *)made)->ob_item;
    }
    if (self->count == 0 || !names_hold(self) || !specialised(self, args, count, &result)) {
        PyObject *tuple = made != NULL ? Py_NewRef(made) : as_tuple(args, count);
        if (tuple != NULL) {
            result = PyObject_CallMethod(self->controller, "call", "(O)", tuple);
            Py_DECREF(tuple);
            if (result == NULL && PyErr_ExceptionMatches(PyExc_UnboundLocalError)) {
                reword(2);
            }
        }
    }
    Py_XDECREF(made);
    return result;
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
    if (count != PyTuple_GET_SIZE(self->parameters)) {
        PyErr_SetString(PyExc_ValueError, "a guard for every parameter");
        return NULL;
    }
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

/* What calls are given, by the function itself: which parameters there are. */
static PyObject *takes(PyObject *object, PyObject *args) {
    Dispatcher *self = (Dispatcher *)object;
    PyObject *function, *parameters;
    if (!PyArg_ParseTuple(args, "O!O!", &PyFunction_Type, &function, &PyTuple_Type, &parameters)) {
        return NULL;
    }
    const PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(function);
    Py_XSETREF(self->function, Py_NewRef(function));
    Py_XSETREF(self->parameters, Py_NewRef(parameters));
    self->plain = code->co_argcount;
    self->positional_only = code->co_posonlyargcount;
    self->has_rest = (code->co_flags & CO_VARARGS) != 0;
    self->has_named = (code->co_flags & CO_VARKEYWORDS) != 0;
    Py_RETURN_NONE;
}

static PyObject *watch(PyObject *object, PyObject *args) {
    Dispatcher *self = (Dispatcher *)object;
    PyObject *names, *cells;
    if (!PyArg_ParseTuple(args, "O!O!", &PyTuple_Type, &names, &PyTuple_Type, &cells)) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(cells); i++) {
        PyObject *one = PyTuple_GET_ITEM(cells, i);
        if (!PyTuple_Check(one) || PyTuple_GET_SIZE(one) != 2 || !PyCell_Check(PyTuple_GET_ITEM(one, 0))) {
            PyErr_SetString(PyExc_TypeError, "a cell is (cell, object)");
            return NULL;
        }
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
        PyObject *one = PyTuple_GET_ITEM(names, i);
        if (!PyTuple_Check(one) || PyTuple_GET_SIZE(one) != 3) {
            PyErr_SetString(PyExc_TypeError, "a name is (name, object, of builtins)");
            return NULL;
        }
    }
    Py_XSETREF(self->names, Py_NewRef(names));
    Py_XSETREF(self->cells, Py_NewRef(cells));
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
    Py_VISIT(self->cells);
    Py_VISIT(self->function);
    Py_VISIT(self->parameters);
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
    Py_CLEAR(self->cells);
    Py_CLEAR(self->function);
    Py_CLEAR(self->parameters);
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
    self->cells = PyTuple_New(0);
    self->parameters = PyTuple_New(0);
    self->dict = PyDict_New();
    if (self->names == NULL || self->cells == NULL || self->parameters == NULL || self->dict == NULL) {
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
    {"_takes", takes, METH_VARARGS, "(function, names of its parameters)"},
    {"_watch", watch, METH_VARARGS, "Names and cells whose content the code takes for granted."},
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
