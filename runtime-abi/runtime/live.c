/* Objects that keep their identity while the code behind them is replaced: functions, descriptors and
   extension types.  cython_llvm/live_objects.py decides which; here is what needs their layouts. */

/* ---------------------------------------------------------------- functions and descriptors */

/* The runtime library's state has the types that modules made from C have too. */
#define CYL_KIND(name) (__pyx_mstate_global->name)

static void cyl_live_take(PyObject **place, PyObject *value) {
    PyObject *old = *place;
    *place = Py_XNewRef(value);
    Py_XDECREF(old);
}

#define CYL_TAKE(field) cyl_live_take((PyObject **) &old->field, (PyObject *) made->field)

static void cyl_live_c_function(PyCFunctionObject *old, PyCFunctionObject *made) {
    CYL_TAKE(m_module);
    old->m_ml = made->m_ml;
    old->vectorcall = made->vectorcall;
}

static int cyl_live_cython_function(PyObject *old_object, PyObject *made_object) {
    __pyx_CyFunctionObject *old = (__pyx_CyFunctionObject *) old_object;
    __pyx_CyFunctionObject *made = (__pyx_CyFunctionObject *) made_object;
    if (made->func_dict && PyDict_GET_SIZE(made->func_dict)) {
        if (!old->func_dict && !(old->func_dict = PyDict_New())) return -1;
        if (PyDict_Update(old->func_dict, made->func_dict) < 0) return -1;
    }
    cyl_live_c_function(&old->func.func, &made->func.func);
    CYL_TAKE(func.mm_class);
    CYL_TAKE(func_name);
    CYL_TAKE(func_qualname);
    CYL_TAKE(func_doc);
    CYL_TAKE(func_globals);
    CYL_TAKE(func_code);
    CYL_TAKE(func_closure);
    CYL_TAKE(defaults);
    CYL_TAKE(defaults_tuple);
    CYL_TAKE(defaults_kwdict);
    CYL_TAKE(func_annotations);
#if __PYX_LIMITED_VERSION_HEX < 0x030B0000
    CYL_TAKE(func_is_coroutine);
#endif
    old->flags = made->flags;
    old->defaults_getter = made->defaults_getter;
    return 0;
}

/* Makes `old` run what `made` runs.  1: done.  0: they are not of one kind.  -1: an exception is set. */
int cyl_live_function(PyObject *old_object, PyObject *made_object) {
    if (!Py_IS_TYPE(made_object, Py_TYPE(old_object))) return 0;
    if (Py_IS_TYPE(old_object, &PyCFunction_Type)) {
        cyl_live_c_function((PyCFunctionObject *) old_object, (PyCFunctionObject *) made_object);
        return 1;
    }
    if (cyl_is_fused(old_object)) {
        __pyx_FusedFunctionObject *old = (__pyx_FusedFunctionObject *) old_object;
        __pyx_FusedFunctionObject *made = (__pyx_FusedFunctionObject *) made_object;
        if (cyl_live_cython_function(old_object, made_object) < 0) return -1;
        CYL_TAKE(__signatures__);
        cyl_fused_take(old_object, made_object);
        return 1;
    }
    if (Py_IS_TYPE(old_object, CYL_KIND(__pyx_CyFunctionType))) {
        return cyl_live_cython_function(old_object, made_object) < 0 ? -1 : 1;
    }
    if (Py_IS_TYPE(old_object, &PyMethodDescr_Type) || Py_IS_TYPE(old_object, &PyClassMethodDescr_Type)) {
        PyMethodDescrObject *old = (PyMethodDescrObject *) old_object;
        PyMethodDescrObject *made = (PyMethodDescrObject *) made_object;
        old->d_method = made->d_method;
        old->vectorcall = made->vectorcall;
        return 1;
    }
    if (Py_IS_TYPE(old_object, &PyGetSetDescr_Type)) {
        ((PyGetSetDescrObject *) old_object)->d_getset = ((PyGetSetDescrObject *) made_object)->d_getset;
        return 1;
    }
    if (Py_IS_TYPE(old_object, &PyWrapperDescr_Type)) {
        PyWrapperDescrObject *old = (PyWrapperDescrObject *) old_object;
        PyWrapperDescrObject *made = (PyWrapperDescrObject *) made_object;
        old->d_base = made->d_base;
        old->d_wrapped = made->d_wrapped;
        return 1;
    }
    return 0;
}

/* Whether it is a function object or a fused one of Cython's. */
int cyl_live_is_function(PyObject *object) {
    return Py_IS_TYPE(object, CYL_KIND(__pyx_CyFunctionType))
        || cyl_is_fused(object) || Py_IS_TYPE(object, &PyCFunction_Type);
}

/* The address of a function object's method definition, in the data of the code that it belongs to. */
void *cyl_live_definition(PyObject *function) {
    return ((PyCFunctionObject *) function)->m_ml;
}

/* The class that `super()` without arguments means in a method. */
void cyl_live_set_class(PyObject *function, PyObject *from, PyObject *to) {
    if (!Py_IS_TYPE(function, CYL_KIND(__pyx_CyFunctionType)) && !cyl_is_fused(function)) return;
    PyCMethodObject *method = (PyCMethodObject *) function;
    if ((PyObject *) method->mm_class == from) cyl_live_take((PyObject **) &method->mm_class, to);
}

/* An item of a tuple that exists. */
void cyl_live_replace_in_tuple(PyObject *tuple, PyObject *from, PyObject *to) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        if (PyTuple_GET_ITEM(tuple, i) != from) continue;
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(to));
        Py_DECREF(from);
    }
}

/* ---------------------------------------------------------------- extension types */

static const struct {
    size_t place, size;
} cyl_live_tables[] = {
    {offsetof(PyTypeObject, tp_as_async), sizeof(PyAsyncMethods)},
    {offsetof(PyTypeObject, tp_as_number), sizeof(PyNumberMethods)},
    {offsetof(PyTypeObject, tp_as_sequence), sizeof(PySequenceMethods)},
    {offsetof(PyTypeObject, tp_as_mapping), sizeof(PyMappingMethods)},
    {offsetof(PyTypeObject, tp_as_buffer), sizeof(PyBufferProcs)},
};

enum { CYL_TABLES = sizeof cyl_live_tables / sizeof cyl_live_tables[0] };

static const size_t cyl_live_slots[] = {
#define CYL_OFFSET(name) offsetof(PyTypeObject, tp_##name)
    CYL_OFFSET(dealloc), CYL_OFFSET(vectorcall_offset), CYL_OFFSET(getattr), CYL_OFFSET(setattr),
    CYL_OFFSET(repr), CYL_OFFSET(hash), CYL_OFFSET(call), CYL_OFFSET(str), CYL_OFFSET(getattro),
    CYL_OFFSET(setattro), CYL_OFFSET(traverse), CYL_OFFSET(clear), CYL_OFFSET(richcompare), CYL_OFFSET(iter),
    CYL_OFFSET(iternext), CYL_OFFSET(descr_get), CYL_OFFSET(descr_set), CYL_OFFSET(init), CYL_OFFSET(alloc),
    CYL_OFFSET(new), CYL_OFFSET(free), CYL_OFFSET(is_gc), CYL_OFFSET(del), CYL_OFFSET(finalize),
    CYL_OFFSET(vectorcall),
};

/* Of the type itself only: names, documentation and the tables that descriptors were made from. */
static const size_t cyl_live_own[] = {
    CYL_OFFSET(name), CYL_OFFSET(doc), CYL_OFFSET(methods), CYL_OFFSET(members), CYL_OFFSET(getset),
};

#define CYL_WORD(object, offset) (*(void **) ((char *) (object) + (offset)))

enum { CYL_LIVE_MOST_WORDS = (int) (sizeof(PyNumberMethods) / sizeof(void *)) };

/* A type as it was: its words, its tables' words, and the words of its C method table. */
struct cyl_live_saved {
    struct cyl_live_saved *next;
    PyTypeObject *type;
    PyTypeObject words;
    void *tables[CYL_TABLES][CYL_LIVE_MOST_WORDS];
    void **vtable, **vtable_words;
    Py_ssize_t vtable_count;
    PyObject *dict; /* a copy, or null where it was not changed */
};

static void **cyl_live_vtable(PyTypeObject *type) {
    PyObject *capsule = type->tp_dict ? PyDict_GetItemString(type->tp_dict, "__pyx_vtable__") : NULL; /* borrowed */
    if (!capsule || !PyCapsule_CheckExact(capsule)) return NULL;
    return (void **) PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule));
}

/* The address of a type's C method table, or null. */
void *cyl_live_vtable_of(PyObject *type) {
    return cyl_live_vtable((PyTypeObject *) type);
}

static struct cyl_live_saved *cyl_live_save(PyTypeObject *type, Py_ssize_t vtable_count) {
    struct cyl_live_saved *saved = (struct cyl_live_saved *) calloc(1, sizeof *saved);
    if (!saved) goto no_memory;
    saved->type = (PyTypeObject *) Py_NewRef(type);
    saved->words = *type;
    for (int t = 0; t < CYL_TABLES; t++) {
        void *table = CYL_WORD(type, cyl_live_tables[t].place);
        if (table) memcpy(saved->tables[t], table, cyl_live_tables[t].size);
    }
    saved->vtable = vtable_count ? cyl_live_vtable(type) : NULL;
    if (saved->vtable) {
        saved->vtable_count = vtable_count;
        saved->vtable_words = (void **) malloc((size_t) vtable_count * sizeof(void *));
        if (!saved->vtable_words) goto no_memory;
        memcpy(saved->vtable_words, saved->vtable, (size_t) vtable_count * sizeof(void *));
    }
    return saved;
no_memory:
    free(saved);
    PyErr_NoMemory();
    return NULL;
}

static void cyl_live_forget_one(struct cyl_live_saved *saved) {
    Py_XDECREF(saved->dict);
    Py_DECREF(saved->type);
    free(saved->vtable_words);
    free(saved);
}

static void cyl_live_saved_free(PyObject *capsule) {
    struct cyl_live_saved *saved = (struct cyl_live_saved *) PyCapsule_GetPointer(capsule, "cyl_live_saved");
    while (saved) {
        struct cyl_live_saved *next = saved->next;
        cyl_live_forget_one(saved);
        saved = next;
    }
}

/* A subclass inherits slots by copies: those that were the base's become what the base has now. */
static void cyl_live_inherit(PyTypeObject *type, const struct cyl_live_saved *base) {
    for (size_t i = 0; i < sizeof cyl_live_slots / sizeof cyl_live_slots[0]; i++) {
        size_t at = cyl_live_slots[i];
        if (CYL_WORD(type, at) == CYL_WORD(&base->words, at)) CYL_WORD(type, at) = CYL_WORD(base->type, at);
    }
    for (int t = 0; t < CYL_TABLES; t++) {
        size_t place = cyl_live_tables[t].place;
        void **own = (void **) CYL_WORD(type, place), **now = (void **) CYL_WORD(base->type, place);
        if (own == (void **) CYL_WORD(&base->words, place)) {
            CYL_WORD(type, place) = now; /* the base's table itself, or none */
        } else if (own && own != now) {
            for (size_t i = 0; i < cyl_live_tables[t].size / sizeof(void *); i++) {
                if (own[i] == base->tables[t][i]) own[i] = now ? now[i] : NULL;
            }
        }
    }
    void **vtable = base->vtable ? cyl_live_vtable(type) : NULL;
    if (vtable && vtable != base->vtable) {
        for (Py_ssize_t i = 0; i < base->vtable_count; i++) {
            if (vtable[i] == base->vtable_words[i]) vtable[i] = base->vtable[i];
        }
    }
}

static int cyl_live_subclasses(PyTypeObject *type, struct cyl_live_saved *base, Py_ssize_t vtable_count) {
    PyObject *found = PyObject_CallMethod((PyObject *) &PyType_Type, "__subclasses__", "O", type);
    if (!found) return -1;
    int status = 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(found); i++) {
        PyTypeObject *sub = (PyTypeObject *) PyList_GET_ITEM(found, i);
        struct cyl_live_saved *saved = cyl_live_save(sub, vtable_count);
        if (!saved) {
            status = -1;
            break;
        }
        saved->next = base->next;
        base->next = saved;
        cyl_live_inherit(sub, base);
        status = cyl_live_subclasses(sub, base, vtable_count);
    }
    Py_DECREF(found);
    return status;
}

/* Whether the objects of two types look the same to C: size, base, and where their special fields are. */
int cyl_live_same_layout(PyObject *old_object, PyObject *made_object) {
    PyTypeObject *old = (PyTypeObject *) old_object, *made = (PyTypeObject *) made_object;
    const unsigned long kept = Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HEAPTYPE | Py_TPFLAGS_BASETYPE;
    return Py_IS_TYPE(made, Py_TYPE(old)) && !((old->tp_flags ^ made->tp_flags) & kept)
        && !(old->tp_flags & Py_TPFLAGS_HEAPTYPE) && old->tp_basicsize == made->tp_basicsize
        && old->tp_itemsize == made->tp_itemsize && old->tp_base == made->tp_base
        && old->tp_dictoffset == made->tp_dictoffset
        /* A new type gets it only after its module has got the type. */
        && (!made->tp_weaklistoffset || old->tp_weaklistoffset == made->tp_weaklistoffset)
        && PyObject_RichCompareBool(old->tp_bases, made->tp_bases, Py_EQ) == 1
        && !cyl_live_vtable(old) == !cyl_live_vtable(made);
}

/* The entries of the new type's dictionary, as the old type's. */
static int cyl_live_dict(PyTypeObject *old, PyTypeObject *made) {
    PyObject *key, *value, *vtable = PyDict_GetItemString(old->tp_dict, "__pyx_vtable__");
    Py_ssize_t at = 0;
    Py_XINCREF(vtable);
    PyDict_Clear(old->tp_dict);
    int status = vtable ? PyDict_SetItemString(old->tp_dict, "__pyx_vtable__", vtable) : 0;
    while (status == 0 && PyDict_Next(made->tp_dict, &at, &key, &value)) {
        if (PyUnicode_CompareWithASCIIString(key, "__pyx_vtable__") == 0) continue;
        PyTypeObject *kind = Py_TYPE(value);
        if (kind == &PyMethodDescr_Type || kind == &PyClassMethodDescr_Type || kind == &PyGetSetDescr_Type
                || kind == &PyWrapperDescr_Type || kind == &PyMemberDescr_Type) {
            PyDescrObject *descriptor = (PyDescrObject *) value;
            if (descriptor->d_type == made) cyl_live_take((PyObject **) &descriptor->d_type, (PyObject *) old);
        } else if (kind == &PyCFunction_Type && ((PyCFunctionObject *) value)->m_self == (PyObject *) made) {
            cyl_live_take(&((PyCFunctionObject *) value)->m_self, (PyObject *) old); /* __new__ */
        }
        status = PyDict_SetItem(old->tp_dict, key, value);
    }
    Py_XDECREF(vtable);
    return status;
}

/* `old` becomes what `made` is, its subclasses follow; made by the same layout.  Returns what undoes it
   (cyl_live_type_restore); NULL with an exception. */
PyObject *cyl_live_type(PyObject *old_object, PyObject *made_object, Py_ssize_t vtable_count) {
    PyTypeObject *old = (PyTypeObject *) old_object, *made = (PyTypeObject *) made_object;
    struct cyl_live_saved *saved = cyl_live_save(old, vtable_count);
    if (!saved) return NULL;
    PyObject *capsule = PyCapsule_New(saved, "cyl_live_saved", cyl_live_saved_free);
    if (!capsule) {
        cyl_live_forget_one(saved);
        return NULL;
    }
    if (!(saved->dict = PyDict_Copy(old->tp_dict))) goto bad;
    if (cyl_live_dict(old, made) < 0) goto undo;
    const unsigned long kept = Py_TPFLAGS_READY | Py_TPFLAGS_READYING | Py_TPFLAGS_VALID_VERSION_TAG;
    PyType_Modified(old);
    old->tp_flags = (old->tp_flags & kept) | (made->tp_flags & ~kept);
    for (size_t i = 0; i < sizeof cyl_live_slots / sizeof cyl_live_slots[0]; i++) {
        CYL_WORD(old, cyl_live_slots[i]) = CYL_WORD(made, cyl_live_slots[i]);
    }
    for (size_t i = 0; i < sizeof cyl_live_own / sizeof cyl_live_own[0]; i++) {
        CYL_WORD(old, cyl_live_own[i]) = CYL_WORD(made, cyl_live_own[i]);
    }
    for (int t = 0; t < CYL_TABLES; t++) {
        CYL_WORD(old, cyl_live_tables[t].place) = CYL_WORD(made, cyl_live_tables[t].place);
    }
    if (saved->vtable) {
        /* Methods that are gone stay for code that runs. */
        void **from = cyl_live_vtable(made);
        for (Py_ssize_t i = 0; i < vtable_count; i++) {
            if (from[i]) saved->vtable[i] = from[i];
        }
    }
    if (cyl_live_subclasses(old, saved, vtable_count) < 0) goto undo;
    /* The new type object serves nobody: its base must not count it among its subclasses. */
    if (made->tp_base->tp_subclasses) {
        PyObject *key = PyLong_FromVoidPtr(made);
        if (!key || PyDict_DelItem((PyObject *) made->tp_base->tp_subclasses, key) < 0) PyErr_Clear();
        Py_XDECREF(key);
    }
    PyType_Modified(old);
    return capsule;
undo:;
    extern int cyl_live_type_restore(PyObject *capsule);
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    cyl_live_type_restore(capsule);
    PyErr_Restore(type, value, traceback);
bad:
    Py_DECREF(capsule);
    return NULL;
}

/* Undoes cyl_live_type: the type and its subclasses are again what they were. */
int cyl_live_type_restore(PyObject *capsule) {
    struct cyl_live_saved *saved = (struct cyl_live_saved *) PyCapsule_GetPointer(capsule, "cyl_live_saved");
    if (!saved) return -1;
    for (; saved; saved = saved->next) {
        PyTypeObject *type = saved->type;
        PyType_Modified(type);
        for (size_t i = 0; i < sizeof cyl_live_slots / sizeof cyl_live_slots[0]; i++) {
            CYL_WORD(type, cyl_live_slots[i]) = CYL_WORD(&saved->words, cyl_live_slots[i]);
        }
        for (size_t i = 0; i < sizeof cyl_live_own / sizeof cyl_live_own[0]; i++) {
            CYL_WORD(type, cyl_live_own[i]) = CYL_WORD(&saved->words, cyl_live_own[i]);
        }
        for (int t = 0; t < CYL_TABLES; t++) {
            void *table = CYL_WORD(type, cyl_live_tables[t].place) = CYL_WORD(&saved->words, cyl_live_tables[t].place);
            if (table) memcpy(table, saved->tables[t], cyl_live_tables[t].size);
        }
        if (saved->vtable) {
            memcpy(saved->vtable, saved->vtable_words, (size_t) saved->vtable_count * sizeof(void *));
        }
        if (saved->dict) {
            const unsigned long kept = Py_TPFLAGS_VALID_VERSION_TAG;
            type->tp_flags = (type->tp_flags & kept) | (saved->words.tp_flags & ~kept);
            PyDict_Clear(type->tp_dict);
            if (PyDict_Update(type->tp_dict, saved->dict) < 0) return -1;
        }
        PyType_Modified(type);
    }
    return 0;
}

/* The dictionary that a type had before cyl_live_type; borrowed from the capsule. */
PyObject *cyl_live_type_before(PyObject *capsule) {
    struct cyl_live_saved *saved = (struct cyl_live_saved *) PyCapsule_GetPointer(capsule, "cyl_live_saved");
    return saved ? Py_XNewRef(saved->dict) : NULL;
}

/* A type's own dictionary, not a read-only view of it. */
PyObject *cyl_live_type_dict(PyObject *type) {
    return Py_NewRef(((PyTypeObject *) type)->tp_dict);
}

void cyl_live_type_modified(PyObject *type) {
    PyType_Modified((PyTypeObject *) type);
}

/* ---------------------------------------------------------------- a module while it is executed again */

static PyObject *cyl_live_on_type; /* called with (name, type) when an extension type enters its module */

static int cyl_live_setattro(PyObject *module, PyObject *name, PyObject *value) {
    if (!value || !cyl_live_on_type || !PyType_Check(value)) return PyModule_Type.tp_setattro(module, name, value);
    PyObject *used = PyObject_CallFunctionObjArgs(cyl_live_on_type, name, value, NULL);
    if (!used) return -1;
    int status = PyModule_Type.tp_setattro(module, name, used);
    Py_DECREF(used);
    return status;
}

static PyTypeObject cyl_live_module_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "module",
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_setattro = cyl_live_setattro,
};

/* From here on until cyl_live_unwatch, `on_type` is asked which type object a module is to have.  0: it
   cannot be. */
int cyl_live_watch(PyObject *module, PyObject *on_type) {
    if (!Py_IS_TYPE(module, &PyModule_Type) || cyl_live_on_type) return 0;
    cyl_live_module_type.tp_base = &PyModule_Type;
    if (PyType_Ready(&cyl_live_module_type) < 0) return -1;
    cyl_live_on_type = Py_NewRef(on_type);
    Py_SET_TYPE(module, &cyl_live_module_type);
    return 1;
}

void cyl_live_unwatch(PyObject *module) {
    Py_SET_TYPE(module, &PyModule_Type);
    Py_CLEAR(cyl_live_on_type);
}

/* ---------------------------------------------------------------- whether old code is still in use */

#include <dirent.h>
#include <sys/uio.h>
#include <unistd.h>

/* Pieces of memory, each belonging to one group. */
struct cyl_live_piece {
    uint64_t start, end, group;
};

static void cyl_live_mark(uint64_t word, const struct cyl_live_piece *pieces, Py_ssize_t count, uint8_t *used) {
    for (Py_ssize_t i = 0; i < count; i++) {
        if (word >= pieces[i].start && word < pieces[i].end) used[pieces[i].group] = 1;
    }
}

/* Marks the groups that one of the objects, as the collector lists them, points into: its type, and
   whatever is in its fixed part. */
static void cyl_live_mark_objects(PyObject *objects, const struct cyl_live_piece *pieces, Py_ssize_t count,
                                  uint8_t *used) {
    uint64_t least = UINT64_MAX, most = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (pieces[i].start < least) least = pieces[i].start;
        if (pieces[i].end > most) most = pieces[i].end;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(objects); i++) {
        PyObject *o = PyList_GET_ITEM(objects, i);
        const uint64_t *words = (const uint64_t *) o;
        size_t length = (size_t) Py_TYPE(o)->tp_basicsize / sizeof(uint64_t);
        for (size_t w = 0; w < length; w++) {
            if (words[w] >= least && words[w] < most) cyl_live_mark(words[w], pieces, count, used);
        }
    }
}

/* Marks what lies on a stack from `from` up to the end of its mapping.  0: it could not be read. */
static int cyl_live_mark_stack(uint64_t from, const struct cyl_live_piece *pieces, Py_ssize_t count, uint8_t *used) {
    uint64_t start, end = 0, buffer[512];
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps) return 0;
    while (fgets(line, sizeof line, maps)) {
        unsigned long long first, last;
        if (sscanf(line, "%llx-%llx", &first, &last) == 2 && from >= first && from < last) end = last;
    }
    fclose(maps);
    for (start = from & ~(uint64_t) 7; start < end;) {
        size_t wanted = end - start < sizeof buffer ? end - start : sizeof buffer;
        /* Another thread may end meanwhile: its stack is read as another process's would be. */
        struct iovec here = {buffer, wanted}, there = {(void *) start, wanted};
        ssize_t got = process_vm_readv(getpid(), &here, 1, &there, 1, 0);
        if (got <= 0) return 0;
        for (ssize_t i = 0; i < got / 8; i++) cyl_live_mark(buffer[i], pieces, count, used);
        start += (uint64_t) got;
    }
    return end != 0;
}

/* Marks what the C stack of another thread points to; its name is its number.  0: it is running, so that its
   registers cannot be known, or could not be looked at. */
static int cyl_live_mark_thread(const char *thread, const struct cyl_live_piece *pieces, Py_ssize_t count,
                                uint8_t *used) {
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/self/task/%.20s/syscall", thread);
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    char *read = fgets(text, sizeof text, file);
    fclose(file);
    if (!read) return 0;
    /* "NUMBER ARGUMENTS... STACK PLACE", or "running" */
    char *place = strrchr(text, ' ');
    if (!place || strncmp(text, "running", 7) == 0) return 0;
    *place++ = 0;
    char *stack = strrchr(text, ' ');
    if (!stack) return 0;
    cyl_live_mark(strtoull(place, NULL, 16), pieces, count, used);
    return cyl_live_mark_stack(strtoull(stack + 1, NULL, 16), pieces, count, used);
}

static int cyl_live_mark_threads(const struct cyl_live_piece *pieces, Py_ssize_t count, uint8_t *used) {
    DIR *threads = opendir("/proc/self/task");
    if (!threads) return 0;
    long own = (long) gettid();
    int known = 1;
    for (struct dirent *one; known && (one = readdir(threads));) {
        if (one->d_name[0] == '.') continue;
        known = strtol(one->d_name, NULL, 10) == own
                    ? cyl_live_mark_stack((uint64_t) &one, pieces, count, used)
                    : cyl_live_mark_thread(one->d_name, pieces, count, used);
    }
    closedir(threads);
    return known;
}

/* Marks the groups that an object (as `get_objects` lists them) or the stack of a thread points into.  0: it
   cannot be told now; -1: an exception.  From the list on, no code of Python's runs before the answer. */
int cyl_live_mark_used(PyObject *get_objects, const struct cyl_live_piece *pieces, Py_ssize_t count,
                       uint8_t *used) {
    PyObject *objects = PyObject_CallNoArgs(get_objects);
    if (!objects) return -1;
    int known = cyl_live_mark_threads(pieces, count, used);
    if (known) cyl_live_mark_objects(objects, pieces, count, used);
    Py_DECREF(objects);
    return known;
}

/* A type object that has served as a model only, before the memory that it lies in goes. */
void cyl_live_type_discard(PyObject *object) {
    PyTypeObject *type = (PyTypeObject *) object;
    PyType_Modified(type);
    if (type->tp_weaklist) PyObject_ClearWeakRefs(object);
    Py_CLEAR(type->tp_dict);
    Py_CLEAR(type->tp_bases);
    Py_CLEAR(type->tp_mro);
    Py_CLEAR(type->tp_cache);
    Py_CLEAR(*(PyObject **) &type->tp_subclasses);
    type->tp_flags &= ~(unsigned long) (Py_TPFLAGS_READY | Py_TPFLAGS_VALID_VERSION_TAG);
}

/* Frees a discarded type object that cyl_class_ready has allocated, with its tables, which nothing uses
   any more.  0: somebody has the type object. */
int cyl_live_type_free(void *type) {
    if (Py_REFCNT((PyObject *) type) > 1) return 0;
    free(type);
    return 1;
}
