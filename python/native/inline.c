/* `cython_llvm.inline` as an object that finds compiled code by itself.
 *
 * For every code string it remembers, per tuple of keyword names (one per place of a call), where the
 * values come from, what they must be, and the function that was compiled for such values.  Whatever
 * it does not know goes to `prepare`, in Python:
 *
 *     prepare(*args, **kwargs) -> (function, values, variant)    call it, and remember it so
 *                              -> (None, result, None)           nothing to call
 *
 * with variant None where the result may not be found again, or
 *     (place, ((name, given, passed, guard), ...), {option: guard}), the values in the order of the
 * function's parameters: `given` by keyword, else from the caller's frame.  `place` is the working
 * directory as bytes where the result depends on it, or None.  A call with a keyword that is among
 * neither is not remembered.
 */
#include "guards.h"

#include <string.h>
#include <unistd.h>

enum { MOST_VALUES = 24, MOST_VARIANTS = 12, MOST_CODES = 4096 };

typedef struct {
    PyObject *name;
    Py_ssize_t keyword; /* index among the call's keywords, or -1: from the frame */
    int passed;         /* whether it is a parameter of the function, or only looked at */
    CylGuard guard;
} Value;

typedef struct {
    PyObject *keywords; /* tuple, or NULL */
    PyObject *function;
    PyObject *place;
    Py_ssize_t count;
    Value *values;
} Variant;

typedef struct {
    PyObject_HEAD
    Py_ssize_t count;
    Py_ssize_t next; /* to be replaced when there are too many */
    Variant variants[MOST_VARIANTS];
} Entry;

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    PyObject *prepare;
    PyObject *table; /* code -> Entry */
    PyObject *dict;
} Inline;

/* ------------------------------------------------------------------ what is remembered */

static void variant_clear(Variant *variant) {
    for (Py_ssize_t i = 0; i < variant->count; i++) {
        Py_CLEAR(variant->values[i].name);
        cyl_guard_clear(&variant->values[i].guard);
    }
    PyMem_Free(variant->values);
    variant->values = NULL;
    variant->count = 0;
    Py_CLEAR(variant->keywords);
    Py_CLEAR(variant->function);
    Py_CLEAR(variant->place);
}

static void entry_dealloc(PyObject *self) {
    Entry *entry = (Entry *)self;
    for (Py_ssize_t i = 0; i < entry->count; i++) {
        variant_clear(&entry->variants[i]);
    }
    PyObject_Free(self);
}

static PyTypeObject Entry_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "cython_llvm._native._InlineEntry",
    .tp_basicsize = sizeof(Entry),
    .tp_dealloc = entry_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
};

static Py_ssize_t index_of(PyObject *names, PyObject *name) {
    Py_ssize_t count = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    for (Py_ssize_t i = 0; i < count; i++) {
        if (PyTuple_GET_ITEM(names, i) == name) {
            return i;
        }
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        if (PyUnicode_Compare(PyTuple_GET_ITEM(names, i), name) == 0) {
            return i;
        }
    }
    return -1;
}

static int value_fill(Value *value, PyObject *name, PyObject *guard, int given, PyObject *keywords) {
    if (cyl_guard_read(&value->guard, guard) < 0) {
        return -1;
    }
    Py_INCREF(name);
    PyUnicode_InternInPlace(&name);
    value->name = name;
    value->keyword = given ? index_of(keywords, name) : -1;
    if (given && value->keyword < 0) {
        PyErr_Format(PyExc_SystemError, "inline: no keyword %R", name);
        return -1;
    }
    return 0;
}

static int is_covered(const Variant *variant, Py_ssize_t keyword) {
    for (Py_ssize_t i = 0; i < variant->count; i++) {
        if (variant->values[i].keyword == keyword) {
            return 1;
        }
    }
    return 0;
}

static int variant_fill(Variant *variant, PyObject *function, PyObject *description, PyObject *keywords) {
    PyObject *place, *values, *options;
    if (!PyArg_ParseTuple(description, "OO!O!", &place, &PyTuple_Type, &values, &PyDict_Type, &options)) {
        return -1;
    }
    Py_ssize_t count = PyTuple_GET_SIZE(values), named = keywords == NULL ? 0 : PyTuple_GET_SIZE(keywords);
    variant->values = PyMem_Calloc((size_t)(count + named + 1), sizeof(Value));
    if (variant->values == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    variant->function = Py_NewRef(function);
    variant->keywords = Py_XNewRef(keywords);
    variant->place = place == Py_None ? NULL : Py_NewRef(place);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *name, *guard;
        int given, passed;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(values, i), "UppO", &name, &given, &passed, &guard)) {
            return -1;
        }
        Value *value = &variant->values[variant->count++];
        value->passed = passed;
        if (value_fill(value, name, guard, given, keywords) < 0) {
            return -1;
        }
    }
    for (Py_ssize_t i = 0; i < named; i++) {
        if (is_covered(variant, i)) {
            continue;
        }
        PyObject *name = PyTuple_GET_ITEM(keywords, i);
        PyObject *guard = PyDict_GetItemWithError(options, name);
        if (guard == NULL || value_fill(&variant->values[variant->count++], name, guard, 1, keywords) < 0) {
            return -1;
        }
    }
    return 0;
}

static int same_keywords(const Variant *variant, PyObject *keywords) {
    if (variant->keywords == keywords) {
        return 1;
    }
    Py_ssize_t count = keywords == NULL ? 0 : PyTuple_GET_SIZE(keywords);
    Py_ssize_t known = variant->keywords == NULL ? 0 : PyTuple_GET_SIZE(variant->keywords);
    if (count != known) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *one = PyTuple_GET_ITEM(keywords, i), *other = PyTuple_GET_ITEM(variant->keywords, i);
        if (one != other && PyUnicode_Compare(one, other) != 0) {
            return 0;
        }
    }
    return 1;
}

static void remember(Inline *self, PyObject *code, PyObject *function, PyObject *description,
                     PyObject *keywords) {
    Variant made = {0};
    Entry *entry = (Entry *)PyDict_GetItemWithError(self->table, code);
    if (entry == NULL && !PyErr_Occurred()) {
        if (PyDict_GET_SIZE(self->table) >= MOST_CODES) {
            PyDict_Clear(self->table);
        }
        entry = PyObject_New(Entry, &Entry_Type);
        if (entry != NULL) {
            entry->count = entry->next = 0;
            int status = PyDict_SetItem(self->table, code, (PyObject *)entry);
            Py_DECREF(entry); /* the table has it */
            if (status < 0) {
                entry = NULL;
            }
        }
    }
    if (entry == NULL || variant_fill(&made, function, description, keywords) < 0) {
        PyErr_Clear(); /* found by the slow way next time */
        variant_clear(&made);
        return;
    }
    Py_ssize_t index = entry->count;
    if (index == MOST_VARIANTS) {
        index = entry->next;
        entry->next = (entry->next + 1) % MOST_VARIANTS;
        Variant old = entry->variants[index];
        entry->variants[index] = made;
        variant_clear(&old);
    } else {
        entry->variants[index] = made;
        entry->count = index + 1;
    }
}

/* ------------------------------------------------------------------ calls */

static int in_place(PyObject *place) {
    char here[4096];
    return getcwd(here, sizeof here) != NULL && strcmp(here, PyBytes_AS_STRING(place)) == 0;
}

/* A borrowed value of the frame's, or NULL; exceptions are left behind and noticed by the caller. */
static PyObject *from_frame(PyObject *name, PyObject **locals, PyObject **globals) {
    if (*locals == NULL) {
        *locals = PyEval_GetLocals();
        *globals = PyEval_GetGlobals();
        if (*locals == NULL || *globals == NULL || !PyDict_CheckExact(*locals) ||
            !PyDict_CheckExact(*globals)) {
            return NULL;
        }
    }
    PyObject *found = PyDict_GetItemWithError(*locals, name);
    if (found == NULL && !PyErr_Occurred()) {
        found = PyDict_GetItemWithError(*globals, name);
    }
    return found;
}

/* The result by what is remembered.  `*known` is 0, and no exception set, where that is nothing. */
static PyObject *call_known(Entry *entry, PyObject *const *given, PyObject *keywords, int *known) {
    PyObject *locals = NULL, *globals = NULL;
    PyObject *storage[MOST_VALUES + 1];
    PyObject **values = storage + 1; /* room for a bound method's self */
    *known = 0;
    for (Py_ssize_t v = 0; v < entry->count; v++) {
        Variant *variant = &entry->variants[v];
        if (!same_keywords(variant, keywords)) {
            continue;
        }
        Py_ssize_t count = variant->count, passed = 0, i = 0;
        for (; i < count; i++) {
            Value *value = &variant->values[i];
            PyObject *object = value->keyword >= 0 ? given[value->keyword]
                                                   : from_frame(value->name, &locals, &globals);
            if (object == NULL) {
                PyErr_Clear(); /* the slow way says what is wrong */
                return NULL;
            }
            if (!cyl_guard_holds(&value->guard, object)) {
                break;
            }
            if (value->passed) {
                values[passed++] = object;
            }
        }
        if (i < count || (variant->place != NULL && !in_place(variant->place))) {
            continue;
        }
        *known = 1;
        /* The call may end the frame's variables, and this variant. */
        for (i = 0; i < passed; i++) {
            Py_INCREF(values[i]);
        }
        PyObject *function = Py_NewRef(variant->function);
        PyObject *result = PyObject_Vectorcall(
            function, values, (size_t)passed | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
        Py_DECREF(function);
        for (i = 0; i < passed; i++) {
            Py_DECREF(values[i]);
        }
        return result;
    }
    return NULL;
}

static PyObject *call_prepared(Inline *self, PyObject *const *args, size_t nargs, PyObject *keywords) {
    PyObject *prepare = Py_NewRef(self->prepare);
    PyObject *plan = PyObject_Vectorcall(prepare, args, nargs, keywords);
    Py_DECREF(prepare);
    if (plan == NULL) {
        return NULL;
    }
    PyObject *function, *values, *description, *result = NULL;
    if (!PyTuple_Check(plan) || !PyArg_ParseTuple(plan, "OOO", &function, &values, &description)) {
        Py_DECREF(plan);
        return NULL;
    }
    if (function == Py_None) {
        result = Py_NewRef(values);
    } else {
        if (description != Py_None && PyVectorcall_NARGS(nargs) == 1 && PyUnicode_CheckExact(args[0]) &&
            PyTuple_GET_SIZE(values) <= MOST_VALUES) {
            remember(self, args[0], function, description, keywords);
        }
        result = PyObject_Call(function, values, NULL);
    }
    Py_DECREF(plan);
    return result;
}

static PyObject *inline_call(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *keywords) {
    Inline *self = (Inline *)callable;
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    if (nargs == 1 && PyUnicode_CheckExact(args[0])) {
        PyObject *entry = PyDict_GetItemWithError(self->table, args[0]);
        if (entry != NULL) {
            int known;
            Py_INCREF(entry);
            PyObject *result = call_known((Entry *)entry, args + 1, keywords, &known);
            Py_DECREF(entry);
            if (known) {
                return result;
            }
        } else if (PyErr_Occurred()) {
            return NULL;
        }
    }
    return call_prepared(self, args, (size_t)nargs, keywords);
}

/* ------------------------------------------------------------------ the type */

static int inline_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(((Inline *)self)->prepare);
    Py_VISIT(((Inline *)self)->table);
    Py_VISIT(((Inline *)self)->dict);
    return 0;
}

static int inline_clear(PyObject *self) {
    Py_CLEAR(((Inline *)self)->prepare);
    Py_CLEAR(((Inline *)self)->table);
    Py_CLEAR(((Inline *)self)->dict);
    return 0;
}

static void inline_dealloc(PyObject *self) {
    PyObject_GC_UnTrack(self);
    inline_clear(self);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *inline_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *names[] = {"prepare", NULL};
    PyObject *prepare;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O", names, &prepare)) {
        return NULL;
    }
    Inline *self = (Inline *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->vectorcall = inline_call;
    self->prepare = Py_NewRef(prepare);
    self->table = PyDict_New();
    self->dict = PyDict_New();
    if (self->table == NULL || self->dict == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static PyObject *inline_forget(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    PyDict_Clear(((Inline *)self)->table);
    Py_RETURN_NONE;
}

static PyObject *inline_repr(PyObject *Py_UNUSED(self)) {
    return PyUnicode_FromString("<function cython_llvm.inline>");
}

static PyMethodDef inline_methods[] = {
    {"forget", inline_forget, METH_NOARGS, "Forget all code; it is found by the slow way again."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef inline_getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject Inline_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "cython_llvm._native.InlineFunction",
    .tp_basicsize = sizeof(Inline),
    .tp_dealloc = inline_dealloc,
    .tp_vectorcall_offset = offsetof(Inline, vectorcall),
    .tp_repr = inline_repr,
    .tp_call = PyVectorcall_Call,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_traverse = inline_traverse,
    .tp_clear = inline_clear,
    .tp_methods = inline_methods,
    .tp_getset = inline_getset,
    .tp_dictoffset = offsetof(Inline, dict),
    .tp_new = inline_new,
};

int cyl_add_inline(PyObject *module) {
    if (PyType_Ready(&Entry_Type) < 0) {
        return -1;
    }
    return PyModule_AddType(module, &Inline_Type);
}
