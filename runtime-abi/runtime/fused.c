/* Functions of fused types.

   Their objects are Cython's fused functions in all but how they are called: with vectorcall, and what
   the search for a specialisation has found is kept, with the types of the arguments that it was found
   for.  Only types are kept that alone decide the search's answer; what is not known is searched for by
   the function that Cython writes for that, which raises all errors too. */

enum { CYL_FUSED_ARGS = 6, CYL_FUSED_KEPT = 4, CYL_FUSED_MORE = 256 };

/* What decides about an argument: its type, and of an array what its buffer depends on. */
typedef struct {
    PyTypeObject *type; /* a static one */
    uint32_t array;
} cyl_fused_key;

typedef struct {
    Py_ssize_t count;
    cyl_fused_key keys[CYL_FUSED_ARGS];
    PyObject *found;
} cyl_fused_entry;

typedef struct {
    __pyx_FusedFunctionObject fused;
    vectorcallfunc inner; /* the call of the function itself; null where it takes a tuple */
    PyObject *searched;   /* the signatures that `kept` is of */
    int next;
    cyl_fused_entry kept[CYL_FUSED_KEPT];
    cyl_fused_entry *more; /* a table, by types, of what the former have no place for; or null */
} cyl_fused;

static PyTypeObject *cyl_fused_type;

void cyl_set_signatures(PyObject *function, PyObject *signatures) {
    PyObject *old = __Pyx_as_FusedFunctionObject(function)->__signatures__;
    Py_INCREF(signatures);
    __Pyx_as_FusedFunctionObject(function)->__signatures__ = signatures;
    Py_XDECREF(old);
}

int cyl_is_fused(PyObject *o) {
    return Py_IS_TYPE(o, __pyx_mstate_global->__pyx_FusedFunctionType) || Py_IS_TYPE(o, cyl_fused_type);
}

static void cyl_fused_forget(cyl_fused *self) {
    PyObject *old[CYL_FUSED_KEPT + 1];
    cyl_fused_entry *more = self->more;
    for (int i = 0; i < CYL_FUSED_KEPT; i++) {
        old[i] = self->kept[i].found;
        self->kept[i].found = NULL;
        self->kept[i].count = -1;
    }
    old[CYL_FUSED_KEPT] = self->searched;
    self->searched = NULL;
    self->more = NULL;
    self->next = 0;
    for (int i = 0; i <= CYL_FUSED_KEPT; i++) Py_XDECREF(old[i]);
    for (int i = 0; more && i < CYL_FUSED_MORE; i++) Py_XDECREF(more[i].found);
    PyMem_Free(more);
}

/* `old` is to run what `made` runs, at a reload. */
void cyl_fused_take(PyObject *old, PyObject *made) {
    if (!Py_IS_TYPE(old, cyl_fused_type) || !Py_IS_TYPE(made, cyl_fused_type)) return;
    ((cyl_fused *) old)->inner = ((cyl_fused *) made)->inner;
    cyl_fused_forget((cyl_fused *) old);
}

/* ---------------------------------------------------------------- calls */

/* Whether a type is one of numpy's numbers, like float64: the buffers of all its objects are alike. */
static int cyl_fused_number(PyTypeObject *type) {
    PyObject *mro = type->tp_mro;
    for (Py_ssize_t i = 0; mro && i < PyTuple_GET_SIZE(mro); i++) {
        PyTypeObject *base = (PyTypeObject *) PyTuple_GET_ITEM(mro, i);
        if (!(base->tp_flags & Py_TPFLAGS_HEAPTYPE)
                && (!strcmp(base->tp_name, "numpy.number") || !strcmp(base->tp_name, "numpy.bool"))) return 1;
    }
    return 0;
}

/* Whether all objects of a type have the same class, and no buffer that could differ. */
static int cyl_fused_plain(PyTypeObject *type) {
    static PyObject *name = NULL;
    if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) return 0;
    if (type->tp_as_buffer && type->tp_as_buffer->bf_getbuffer && type != &PyBytes_Type && !cyl_fused_number(type))
        return 0;
    if (type->tp_getattro != PyObject_GenericGetAttr && type != &PyType_Type) return 0;
    if (!name && !(name = PyUnicode_InternFromString("__class__"))) {
        PyErr_Clear();
        return 0;
    }
    return type != &PyType_Type && _PyType_Lookup(type, name) == _PyType_Lookup(&PyBaseObject_Type, name);
}

/* Of an array of plain numbers what tells it from others: never 0; or 0. */
static inline uint32_t cyl_fused_array(PyObject *o) {
    const cyl_array *array = (const cyl_array *) o;
    unsigned number = (unsigned) array->dtype->number, flags = (unsigned) array->flags;
    if (!number || number >= CYL_ARRAY_ITEMS || array->nd > 8 || (flags & CYL_ARRAY_WARNS)
            || (array->dtype->byteorder != '=' && array->dtype->byteorder != '|')) return 0;
    return number << 16 | (uint32_t) array->nd << 11
        | (flags & (CYL_ARRAY_C | CYL_ARRAY_F | CYL_ARRAY_ALIGNED | CYL_ARRAY_WRITEABLE));
}

static inline cyl_fused_key cyl_fused_key_of(PyObject *o) {
    cyl_fused_key key = {Py_TYPE(o), 0};
    if (unlikely(key.type == cyl_numpy_type)) key.array = cyl_fused_array(o);
    return key;
}

/* The place in the table for arguments of such types; its neighbour is the other one. */
static inline cyl_fused_entry *cyl_fused_place(const cyl_fused *self, PyObject *const *args, Py_ssize_t count) {
    size_t hash = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        hash = (hash ^ ((size_t) Py_TYPE(args[i]) >> 4)) * (size_t) 0x9E3779B97F4A7C15;
        hash ^= hash >> 32;
    }
    return &self->more[hash % CYL_FUSED_MORE];
}

static inline int cyl_fused_has(const cyl_fused_key *key, PyObject *o) {
    return Py_TYPE(o) == key->type && (likely(!key->array) || key->array == cyl_fused_array(o));
}

static inline int cyl_fused_is(const cyl_fused_entry *entry, PyObject *const *args, Py_ssize_t count) {
    if (entry->count != count) return 0;
    /* Two are the most frequent, and worth no loop. */
    if (likely(count == 2)) return cyl_fused_has(&entry->keys[0], args[0]) && cyl_fused_has(&entry->keys[1], args[1]);
    for (Py_ssize_t at = 0; at < count; at++) {
        if (!cyl_fused_has(&entry->keys[at], args[at])) return 0;
    }
    return 1;
}

static inline PyObject *cyl_fused_found(const cyl_fused_entry *entry, PyObject *const *args, Py_ssize_t count) {
    PyObject *found = Py_NewRef(entry->found);
    PyObject *result = ((cyl_fused *) found)->inner(found, args, (size_t) count, NULL);
    Py_DECREF(found);
    return result;
}

/* Keeps what was found for such arguments. */
static void cyl_fused_keep(cyl_fused *self, PyObject *const *args, Py_ssize_t count, PyObject *found) {
    cyl_fused_entry made = {.count = count, .found = found};
    cyl_fused_entry *place;
    PyObject *old;
    if (count > CYL_FUSED_ARGS || self->fused.self || !Py_IS_TYPE(found, cyl_fused_type)
            || !((cyl_fused *) found)->inner || ((cyl_fused *) found)->fused.self
            || ((cyl_fused *) found)->fused.__signatures__) return;
    for (Py_ssize_t i = 0; i < count; i++) {
        made.keys[i] = cyl_fused_key_of(args[i]);
        if (cyl_is_array(args[i]) ? !made.keys[i].array : !cyl_fused_plain(made.keys[i].type)) return;
    }
    if (self->searched != self->fused.__signatures__) {
        cyl_fused_forget(self);
        self->searched = Py_NewRef(self->fused.__signatures__);
    }
    if (self->next < CYL_FUSED_KEPT) {
        place = &self->kept[self->next++];
    } else {
        if (!self->more) self->more = PyMem_Calloc(CYL_FUSED_MORE, sizeof *self->more);
        if (!self->more) return;
        place = cyl_fused_place(self, args, count);
        if (place->found) place = &self->more[(place - self->more) ^ 1];
    }
    old = place->found;
    *place = made;
    Py_INCREF(found);
    Py_XDECREF(old);
}

/* Calls the function itself: the first argument is the object of a method of an extension type. */
static PyObject *cyl_fused_run(PyObject *func, PyObject *args, PyObject *names) {
    __pyx_CyFunctionObject *function = (__pyx_CyFunctionObject *) func;
    vectorcallfunc inner = ((cyl_fused *) func)->inner;
    int method = function->flags & __Pyx_CYFUNCTION_CCLASS && !(function->flags & __Pyx_CYFUNCTION_STATICMETHOD);
    Py_ssize_t count = PyTuple_GET_SIZE(args);
    PyObject *rest, *result;
    if (method && !count) {
        PyErr_Format(PyExc_TypeError, "unbound method %.200S() needs an argument", function->func_qualname);
        return NULL;
    }
    if (inner) return __Pyx_PyVectorcall_FastCallDict(func, inner, &PyTuple_GET_ITEM(args, 0), (size_t) count, names);
    if (!method) return __Pyx_CyFunction_CallMethod(func, func, args, names);
    rest = PyTuple_GetSlice(args, 1, count);
    if (!rest) return NULL;
    result = __Pyx_CyFunction_CallMethod(func, PyTuple_GET_ITEM(args, 0), rest, names);
    Py_DECREF(rest);
    return result;
}

/* The function that a search finds; a new reference. */
static PyObject *cyl_fused_search(PyObject *func, PyObject *args, PyObject *names) {
    cyl_fused *self = (cyl_fused *) func;
    __pyx_CyFunctionObject *function = &self->fused.func;
    PyObject *tuple, *found;
    if (!names) names = Py_None;
    if (function->flags & __Pyx_CYFUNCTION_STATICMETHOD && function->flags & __Pyx_CYFUNCTION_CCLASS) {
        tuple = PyTuple_Pack(3, args, names, function->defaults_tuple);
        found = tuple ? __Pyx_CyFunction_CallMethod(func, self->fused.__signatures__, tuple, NULL) : NULL;
    } else {
        tuple = PyTuple_Pack(4, self->fused.__signatures__, args, names, function->defaults_tuple);
        found = tuple ? cyl_fused_run(func, tuple, NULL) : NULL;
    }
    Py_XDECREF(tuple);
    return found;
}

static __attribute__((noinline)) PyObject *cyl_fused_slow(PyObject *func, PyObject *const *args, Py_ssize_t count,
                                                          PyObject *names) {
    cyl_fused *self = (cyl_fused *) func;
    Py_ssize_t bound = self->fused.self != NULL, named = names ? PyTuple_GET_SIZE(names) : 0;
    PyObject *tuple, *dict = NULL, *found = NULL, *result = NULL;
    tuple = PyTuple_New(bound + count);
    if (!tuple) return NULL;
    if (bound) PyTuple_SET_ITEM(tuple, 0, Py_NewRef(self->fused.self));
    for (Py_ssize_t i = 0; i < count; i++) PyTuple_SET_ITEM(tuple, bound + i, Py_NewRef(args[i]));
    if (named) {
        dict = PyDict_New();
        if (!dict) goto done;
        for (Py_ssize_t i = 0; i < named; i++) {
            if (PyDict_SetItem(dict, PyTuple_GET_ITEM(names, i), args[count + i]) < 0) goto done;
        }
    }
    if (self->fused.__signatures__) {
        found = cyl_fused_search(func, tuple, dict);
        if (!found) goto done;
        if (!named) cyl_fused_keep(self, args, count, found);
    } else {
        found = Py_NewRef(func);
    }
    result = Py_IS_TYPE(found, cyl_fused_type) ? cyl_fused_run(found, tuple, dict)
                                               : __pyx_FusedFunction_callfunction(found, tuple, dict);
done:
    Py_DECREF(tuple);
    Py_XDECREF(dict);
    Py_XDECREF(found);
    return result;
}

static PyObject *cyl_fused_vectorcall(PyObject *func, PyObject *const *args, size_t given, PyObject *names) {
    cyl_fused *self = (cyl_fused *) func;
    Py_ssize_t count = PyVectorcall_NARGS(given);
    if (unlikely(self->fused.self)) return cyl_fused_slow(func, args, count, names);
    if (!self->fused.__signatures__) {
        return self->inner && count ? self->inner(func, args, (size_t) count, names) : cyl_fused_slow(func, args, count, names);
    }
    if (likely(!names && self->searched == self->fused.__signatures__)) {
        for (int i = 0; i < CYL_FUSED_KEPT; i++) {
            if (cyl_fused_is(&self->kept[i], args, count)) return cyl_fused_found(&self->kept[i], args, count);
        }
        if (self->more && count <= CYL_FUSED_ARGS) {
            const cyl_fused_entry *entry = cyl_fused_place(self, args, count);
            for (int i = 0; i < 2; i++) {
                if (entry->found && cyl_fused_is(entry, args, count)) return cyl_fused_found(entry, args, count);
                entry = &self->more[(entry - self->more) ^ 1];
            }
        }
    }
    return cyl_fused_slow(func, args, count, names);
}

static PyObject *cyl_fused_call(PyObject *func, PyObject *args, PyObject *names) {
    return __Pyx_PyVectorcall_FastCallDict(func, cyl_fused_vectorcall, &PyTuple_GET_ITEM(args, 0),
                                           (size_t) PyTuple_GET_SIZE(args), names);
}

/* ---------------------------------------------------------------- objects */

static int cyl_fused_traverse(PyObject *o, visitproc visit, void *arg) {
    cyl_fused *self = (cyl_fused *) o;
    for (int i = 0; i < CYL_FUSED_KEPT; i++) Py_VISIT(self->kept[i].found);
    for (int i = 0; self->more && i < CYL_FUSED_MORE; i++) Py_VISIT(self->more[i].found);
    Py_VISIT(self->searched);
    return __pyx_FusedFunction_traverse(o, visit, arg);
}

static int cyl_fused_clear(PyObject *o) {
    cyl_fused_forget((cyl_fused *) o);
    return __pyx_FusedFunction_clear(o);
}

static void cyl_fused_dealloc(PyObject *o) {
    PyObject_GC_UnTrack(o);
    cyl_fused_forget((cyl_fused *) o);
    __pyx_FusedFunction_dealloc(o);
}

static PyObject *cyl_fused_bind(PyObject *o, PyObject *obj, PyObject *type);
static PyObject *cyl_fused_item(PyObject *o, PyObject *index);

/* Cython's, after the place of the vectorcall: that type is called by tp_call. */
static PyMemberDef cyl_fused_members[1 + sizeof __pyx_FusedFunction_members / sizeof(PyMemberDef)] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(PyCFunctionObject, vectorcall), READONLY, 0},
};

static PyType_Slot cyl_fused_slots[] = {
    {Py_tp_dealloc, (void *) cyl_fused_dealloc},
    {Py_tp_call, (void *) cyl_fused_call},
    {Py_tp_traverse, (void *) cyl_fused_traverse},
    {Py_tp_clear, (void *) cyl_fused_clear},
    {Py_tp_members, (void *) cyl_fused_members},
    {Py_tp_getset, (void *) __pyx_FusedFunction_getsets},
    {Py_tp_descr_get, (void *) cyl_fused_bind},
    {Py_mp_subscript, (void *) cyl_fused_item},
    {0, 0},
};

/* A type like Cython's, which modules made from C go on to share without this one. */
static int cyl_fused_ready(void) {
    PyType_Spec spec = __pyx_FusedFunctionType_spec;
    PyObject *bases;
    if (likely(cyl_fused_type)) return 0;
    memcpy(cyl_fused_members + 1, __pyx_FusedFunction_members, sizeof __pyx_FusedFunction_members);
    spec.basicsize = (int) sizeof(cyl_fused);
    spec.flags |= Py_TPFLAGS_HAVE_VECTORCALL;
    spec.slots = cyl_fused_slots;
    bases = PyTuple_Pack(1, __pyx_mstate_global->__pyx_CyFunctionType);
    if (!bases) return -1;
    cyl_fused_type = (PyTypeObject *) __Pyx_PyType_FromMetaclass(__pyx_mstate_global->__pyx_CommonTypesMetaclassType,
                                                                 NULL, &spec, bases);
    Py_DECREF(bases);
    return cyl_fused_type ? 0 : -1;
}

/* The object of a specialisation, or of what picks one. */
PyObject *cyl_fused_new(PyMethodDef *method, int flags, PyObject *qualname, PyObject *closure, PyObject *module,
                        PyObject *globals, PyObject *code) {
    PyObject *made;
    cyl_fused *self;
    if (cyl_fused_ready() < 0) return NULL;
    made = PyObject_GC_New(PyObject, cyl_fused_type);
    if (!made) return NULL;
    self = (cyl_fused *) made;
    self->fused.__signatures__ = self->fused.self = self->searched = NULL;
    self->next = 0;
    self->more = NULL;
    memset(self->kept, 0, sizeof self->kept);
    for (int i = 0; i < CYL_FUSED_KEPT; i++) self->kept[i].count = -1;
    made = __Pyx_CyFunction_Init(made, method, flags, qualname, closure, module, globals, code);
    if (!made) return NULL;
    self->inner = __Pyx_CyFunction_func_vectorcall(&self->fused.func);
    __Pyx_CyFunction_func_vectorcall(&self->fused.func) = cyl_fused_vectorcall;
    PyObject_GC_Track(made);
    return made;
}

/* As a method of an object; of itself where it is bound or static. */
static PyObject *cyl_fused_bind(PyObject *o, PyObject *obj, PyObject *type) {
    cyl_fused *self = (cyl_fused *) o, *made;
    __pyx_CyFunctionObject *function = &self->fused.func;
    if (self->fused.self || function->flags & __Pyx_CYFUNCTION_STATICMETHOD) return Py_NewRef(o);
    if (obj == Py_None) obj = NULL;
    if (function->flags & __Pyx_CYFUNCTION_CLASSMETHOD) obj = type;
    if (!obj) return Py_NewRef(o);
    made = (cyl_fused *) cyl_fused_new(__Pyx_CyFunction_MethodDef(function), function->flags, function->func_qualname,
                                       function->func_closure, __Pyx_CyFunction_Module(function),
                                       function->func_globals, function->func_code);
    if (!made) return NULL;
    made->fused.func.defaults = Py_XNewRef(function->defaults);
    made->fused.func.defaults_tuple = Py_XNewRef(function->defaults_tuple);
    __Pyx_CyFunction_SetClassObj((PyObject *) made, (PyObject *) __Pyx_CyFunction_ClassObj(function));
    made->fused.__signatures__ = Py_XNewRef(self->fused.__signatures__);
    made->fused.self = Py_NewRef(obj);
    return (PyObject *) made;
}

/* `function[types]`. */
static PyObject *cyl_fused_item(PyObject *o, PyObject *index) {
    cyl_fused *self = (cyl_fused *) o;
    PyObject *name, *found, *bound;
    if (!self->fused.__signatures__) {
        PyErr_SetString(PyExc_TypeError, "Function is not fused");
        return NULL;
    }
    if (PyTuple_Check(index)) {
        Py_ssize_t count = PyTuple_GET_SIZE(index);
        PyObject *bar = PyUnicode_FromString("|"), *list = PyList_New(count);
        int good = bar && list;
        for (Py_ssize_t i = 0; good && i < count; i++) {
            PyObject *one = __pyx_FusedFunction_obj_to_string(PyTuple_GET_ITEM(index, i));
            good = one != NULL;
            if (good) PyList_SET_ITEM(list, i, one);
        }
        name = good ? PyUnicode_Join(bar, list) : NULL;
        Py_XDECREF(bar);
        Py_XDECREF(list);
    } else {
        name = __pyx_FusedFunction_obj_to_string(index);
    }
    if (!name) return NULL;
    found = PyObject_GetItem(self->fused.__signatures__, name);
    Py_DECREF(name);
    if (!found || !self->fused.self) return found;
    bound = Py_IS_TYPE(found, cyl_fused_type) ? cyl_fused_bind(found, self->fused.self, self->fused.self)
                                              : __pyx_FusedFunction_descr_get(found, self->fused.self, self->fused.self);
    Py_DECREF(found);
    return bound;
}
