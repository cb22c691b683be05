/* Extension types: made from the description that codegen/src/lower/classes.rs writes, and what their
   slots do that is the same for all of them. */

#include <stddef.h>

struct cyl_slot {
    int64_t id; /* Py_tp_new and the like */
    void *function;
};

struct cyl_class {
    PyTypeObject **type;         /* place of the address of the type object */
    PyTypeObject **base;         /* the same of the base, or null */
    const char *name, *doc;      /* name with the module's */
    const char *short_name;
    int64_t size, flags;
    const struct cyl_slot *slots; /* ends with 0 */
    PyMethodDef *methods;
    PyGetSetDef *properties;
    void **vtable, ***base_vtable; /* the base's: place of its address, or null */
    int64_t base_methods, vtable_at;
    const uint32_t *objects, *cyclic; /* offsets of fields with references; of those for the collector */
    int64_t object_count, cyclic_count;
    int64_t dict_at, weakrefs_at; /* 0: none */
    int (*cinit)(PyObject *, PyObject *, PyObject *);
    void (*dealloc)(PyObject *);
    PyObject **freelist;
    int64_t freelist_size, *free_count; /* how many are in it; null where there is no list */
    const char *const *docs; /* name and text of special methods, ends with a null */
    const uint32_t *slices;  /* offsets of fields that are memoryview slices */
    int64_t slice_count;
    PyTypeObject *storage; /* of a public type's symbol, or null */
    const uint32_t *locks; /* fields that are locks: see c_locks.c */
    int64_t lock_count;
};

enum { CYL_GC = 1, CYL_FINALIZE = 2, CYL_TRASHCAN = 4, CYL_FINAL = 8, CYL_SEQUENCE = 16, CYL_MAPPING = 32,
       CYL_INTERNAL = 64, CYL_REDUCE = 128, CYL_TRIVIAL_CINIT = 256, CYL_CHECK_BASE = 512,
       CYL_NO_VERSION_TAG = 1024, CYL_CLEAR_TO_NULL = 2048, CYL_FAST_CINIT = 4096,
       CYL_GROWS_EXTERNAL = 8192 };

/* What CPython numbers from 3.14 on only. */
enum { CYL_SLOT_VECTORCALL = 1000 };

/* Compiled into what fills a slot, where the description is constant: what is left there is for one type. */
#define CYL_PER_TYPE __attribute__((always_inline))

typedef int (*cyl_fast_init)(PyObject *, PyObject *const *, Py_ssize_t, PyObject *);

#define CYL_AT(object, offset) ((PyObject **) ((char *) (object) + (offset)))

/* ---------------------------------------------------------------- life of an object */

static int cyl_class_reuses(const struct cyl_class *c, PyTypeObject *type) {
    if (type->tp_basicsize != c->size) return 0;
    return c->flags & CYL_FINAL || !__Pyx_PyType_HasFeature(type, Py_TPFLAGS_IS_ABSTRACT | Py_TPFLAGS_HEAPTYPE);
}

/* What is rare, or works on the library's own state, is not compiled for each type. */
#define CYL_FOR_ALL __attribute__((noinline))

CYL_FOR_ALL PyObject *cyl_class_refuse_abstract(PyTypeObject *type) {
    return __Pyx_AllocateExtensionType(type, 0);
}

CYL_FOR_ALL void cyl_class_clear_slices(const struct cyl_class *c, PyObject *o) {
    for (int64_t i = 0; i < c->slice_count; i++) {
        __Pyx_memviewslice *slice = (__Pyx_memviewslice *) CYL_AT(o, c->slices[i]);
        __PYX_XCLEAR_MEMVIEW(slice, 1);
    }
}

/* A new object before __cinit__, of a type without a base. */
CYL_PER_TYPE static inline PyObject *cyl_class_allocate(const struct cyl_class *c, PyTypeObject *type) {
    if (c->free_count && *c->free_count > 0 && cyl_class_reuses(c, type)) {
        PyObject *o = c->freelist[--*c->free_count];
        memset(o, 0, (size_t) c->size);
        (void) PyObject_INIT(o, type);
        if (c->flags & CYL_GC) PyObject_GC_Track(o);
        return o;
    }
    if (c->flags & CYL_FINAL || likely(!__Pyx_PyType_HasFeature(type, Py_TPFLAGS_IS_ABSTRACT))) {
        return type->tp_alloc(type, 0);
    }
    return cyl_class_refuse_abstract(type);
}

/* Fills its fields: 0, or -1 with an exception. */
CYL_PER_TYPE static inline int cyl_class_fill(const struct cyl_class *c, PyObject *o) {
    if (c->vtable) *(void **) CYL_AT(o, c->vtable_at) = c->vtable;
    if (c->flags & CYL_INTERNAL) return 0;
    for (int64_t i = 0; i < c->object_count; i++) {
        if (c->dict_at && c->objects[i] == c->dict_at) continue;
        *CYL_AT(o, c->objects[i]) = Py_NewRef(Py_None);
    }
    cyl_locks_init(o, c->locks, c->lock_count);
    if (c->dict_at) {
        *CYL_AT(o, c->dict_at) = PyDict_New();
        if (unlikely(!*CYL_AT(o, c->dict_at))) return -1;
    }
    return 0;
}

/* tp_new */
CYL_PER_TYPE PyObject *cyl_class_new(const struct cyl_class *c, PyTypeObject *type, PyObject *args, PyObject *kwds) {
    PyObject *o = c->base ? (*c->base)->tp_new(type, args, kwds) : cyl_class_allocate(c, type);
    if (unlikely(!o)) return NULL;
    int failed = cyl_class_fill(c, o);
    if (c->cinit && !failed) {
        if (c->flags & CYL_FAST_CINIT) {
            cyl_fast_init cinit = (cyl_fast_init) (void (*)(void)) c->cinit;
            failed = c->flags & CYL_TRIVIAL_CINIT ? cinit(o, NULL, 0, NULL)
                                                  : __Pyx_CallTpinitAsVectorcall(cinit, o, args, kwds);
        } else if (c->flags & CYL_TRIVIAL_CINIT) {
            PyObject *empty = PyTuple_New(0);
            failed = empty ? c->cinit(o, empty, NULL) : -1;
            Py_XDECREF(empty);
        } else {
            failed = c->cinit(o, args, kwds);
        }
    }
    if (unlikely(failed)) Py_CLEAR(o);
    return o;
}

/* The same with the arguments of a vectorcall; `base` does it for the base. */
CYL_PER_TYPE PyObject *cyl_class_make(const struct cyl_class *c,
                                      PyObject *(*base)(PyTypeObject *, PyObject *const *, Py_ssize_t, PyObject *),
                                      PyTypeObject *type, PyObject *const *args, Py_ssize_t count, PyObject *names) {
    PyObject *o = c->base ? base(type, args, count, names) : cyl_class_allocate(c, type);
    if (unlikely(!o)) return NULL;
    int failed = cyl_class_fill(c, o);
    if (c->cinit && !failed) {
        cyl_fast_init cinit = (cyl_fast_init) (void (*)(void)) c->cinit;
        failed = c->flags & CYL_TRIVIAL_CINIT ? cinit(o, NULL, 0, NULL) : cinit(o, args, count, names);
    }
    if (unlikely(failed)) Py_CLEAR(o);
    return o;
}

/* tp_vectorcall */
CYL_PER_TYPE PyObject *cyl_class_call(const struct cyl_class *c,
                                      PyObject *(*make)(PyTypeObject *, PyObject *const *, Py_ssize_t, PyObject *),
                                      cyl_fast_init init, PyObject *type, PyObject *const *args, size_t given,
                                      PyObject *names) {
    PyTypeObject *own = *c->type;
    if (unlikely((PyTypeObject *) type != own || __Pyx_PyType_HasFeature(own, Py_TPFLAGS_IS_ABSTRACT))) {
        return __Pyx_CallNewInitFromVectorcall((PyTypeObject *) type, args, given, names);
    }
    Py_ssize_t count = PyVectorcall_NARGS(given);
    PyObject *o = make(own, args, count, names);
    if (likely(o) && init && unlikely(init(o, args, count, names) < 0)) Py_CLEAR(o);
    return o;
}

/* tp_init of an __init__ that takes the arguments of a vectorcall. */
int cyl_slot_init(cyl_fast_init init, PyObject *o, PyObject *args, PyObject *kwds) {
    return __Pyx_CallTpinitAsVectorcall(init, o, args, kwds);
}

CYL_PER_TYPE static inline void cyl_class_end(const struct cyl_class *c, PyObject *o) {
    if (c->weakrefs_at && *CYL_AT(o, c->weakrefs_at)) PyObject_ClearWeakRefs(o);
    if (c->dealloc) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        Py_SET_REFCNT(o, Py_REFCNT(o) + 1);
        c->dealloc(o);
        Py_SET_REFCNT(o, Py_REFCNT(o) - 1);
        PyErr_Restore(type, value, traceback);
    }
    if (c->dict_at && *CYL_AT(o, c->dict_at)) PyDict_Clear(*CYL_AT(o, c->dict_at));
    for (int64_t i = 0; i < c->object_count; i++) Py_CLEAR(*CYL_AT(o, c->objects[i]));
    if (c->slice_count) cyl_class_clear_slices(c, o);
    cyl_locks_delete(o, c->locks, c->lock_count);
    if (c->base) {
        PyTypeObject *base = *c->base;
        if (c->flags & CYL_GC && PyType_IS_GC(base)) PyObject_GC_Track(o);
        base->tp_dealloc(o);
    } else if (c->free_count && *c->free_count < c->freelist_size && cyl_class_reuses(c, Py_TYPE(o))) {
        c->freelist[(*c->free_count)++] = o;
    } else {
        Py_TYPE(o)->tp_free(o);
    }
}

/* tp_dealloc; `self` is the slot's own function. */
CYL_PER_TYPE void cyl_class_dealloc(const struct cyl_class *c, PyObject *o, destructor self) {
    if (c->flags & CYL_FINALIZE) {
        PyTypeObject *type = Py_TYPE(o);
        if (unlikely(type->tp_finalize) && (!PyType_IS_GC(type) || !PyObject_GC_IsFinalized(o))
                && type->tp_dealloc == self && PyObject_CallFinalizerFromDealloc(o)) {
            return;
        }
    }
    if (c->flags & CYL_GC) PyObject_GC_UnTrack(o);
    if (c->flags & CYL_TRASHCAN) {
        Py_TRASHCAN_BEGIN(o, self)
        cyl_class_end(c, o);
        Py_TRASHCAN_END
    } else {
        cyl_class_end(c, o);
    }
}

/* tp_traverse */
CYL_PER_TYPE int cyl_class_traverse(const struct cyl_class *c, PyObject *o, visitproc visit, void *arg) {
    if (c->base && *c->base && (*c->base)->tp_traverse) {
        int e = (*c->base)->tp_traverse(o, visit, arg);
        if (e) return e;
    }
    for (int64_t i = 0; i < c->cyclic_count; i++) {
        PyObject *value = *CYL_AT(o, c->cyclic[i]);
        if (value) {
            int e = visit(value, arg);
            if (e) return e;
        }
    }
    return 0;
}

/* tp_clear: fields become None, or null where Cython's option says so. */
CYL_PER_TYPE int cyl_class_clear(const struct cyl_class *c, PyObject *o) {
    if (c->base && *c->base && (*c->base)->tp_clear) (*c->base)->tp_clear(o);
    for (int64_t i = 0; i < c->cyclic_count; i++) {
        PyObject *old = *CYL_AT(o, c->cyclic[i]);
        *CYL_AT(o, c->cyclic[i]) = c->flags & CYL_CLEAR_TO_NULL ? NULL : Py_NewRef(Py_None);
        Py_XDECREF(old);
    }
    return 0;
}

/* tp_finalize */
void cyl_slot_finalize(void (*user)(PyObject *), PyObject *o) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    user(o);
    PyErr_Restore(type, value, traceback);
}

/* ---------------------------------------------------------------- slots of several methods */

PyObject *cyl_slot_getattro(binaryfunc getattribute, binaryfunc getattr, PyObject *o, PyObject *name) {
    PyObject *found = getattribute ? getattribute(o, name) : PyObject_GenericGetAttr(o, name);
    if (!found && getattr && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        found = getattr(o, name);
    }
    return found;
}

int cyl_slot_setattro(struct cyl_class *c, objobjargproc set, int (*del)(PyObject *, PyObject *), PyObject *o,
                      PyObject *name, PyObject *value) {
    if (value && set) return set(o, name, value);
    if (!value && del) return del(o, name);
    if (c->base && (*c->base)->tp_setattro) return (*c->base)->tp_setattro(o, name, value);
    return PyObject_GenericSetAttr(o, name, value);
}

PyObject *cyl_slot_descr_get(ternaryfunc get, PyObject *o, PyObject *instance, PyObject *owner) {
    return get(o, instance ? instance : Py_None, owner ? owner : Py_None);
}

int cyl_slot_descr_set(struct cyl_class *c, objobjargproc set, int (*del)(PyObject *, PyObject *), PyObject *o,
                       PyObject *instance, PyObject *value) {
    if (value && set) return set(o, instance, value);
    if (!value && del) return del(o, instance);
    if (c->base && (*c->base)->tp_descr_set) return (*c->base)->tp_descr_set(o, instance, value);
    PyErr_SetString(PyExc_NotImplementedError, value ? "__set__" : "__delete__");
    return -1;
}

/* A property's setter; the closure is its __set__ and __del__. */
int cyl_property_set(PyObject *o, PyObject *value, void *closure) {
    void **functions = (void **) closure;
    if (value && functions[0]) return ((int (*)(PyObject *, PyObject *)) functions[0])(o, value);
    if (!value && functions[1]) return ((int (*)(PyObject *)) functions[1])(o);
    PyErr_SetString(PyExc_NotImplementedError, value ? "__set__" : "__del__");
    return -1;
}

/* sq_item of a __getitem__ that takes an object. */
PyObject *cyl_slot_item(binaryfunc user, PyObject *o, Py_ssize_t index) {
    PyObject *key = PyLong_FromSsize_t(index);
    if (unlikely(!key)) return NULL;
    PyMappingMethods *mapping = Py_TYPE(o)->tp_as_mapping;
    binaryfunc get = mapping && mapping->mp_subscript ? mapping->mp_subscript : user;
    PyObject *found = get(o, key);
    Py_DECREF(key);
    return found;
}

/* mp_subscript of a __getitem__ that takes a C index. */
PyObject *cyl_slot_subscript(ssizeargfunc user, PyObject *o, PyObject *key) {
    Py_ssize_t index = __Pyx_PyIndex_AsSsize_t(key);
    if (unlikely(index == -1 && PyErr_Occurred())) return NULL;
    return user(o, index);
}

static int cyl_no_subscript(PyObject *o, PyObject *value) {
    PyErr_Format(PyExc_NotImplementedError, "Subscript %.10s not supported by %.200s",
                 value ? "assignment" : "deletion", Py_TYPE(o)->tp_name);
    return -1;
}

/* sq_ass_item; of each method: whether it takes a C index. */
int cyl_slot_ass_item(struct cyl_class *c, void *set, int set_index, void *del, int del_index, PyObject *o,
                      Py_ssize_t index, PyObject *value) {
    void *user = value ? set : del;
    if (!user) {
        PyTypeObject *base = c->base ? *c->base : NULL;
        if (base && base->tp_as_sequence && base->tp_as_sequence->sq_ass_item) {
            return base->tp_as_sequence->sq_ass_item(o, index, value);
        }
        return cyl_no_subscript(o, value);
    }
    if (value ? set_index : del_index) return ((ssizeobjargproc) user)(o, index, value);
    PyObject *key = PyLong_FromSsize_t(index);
    if (unlikely(!key)) return -1;
    int status = ((objobjargproc) user)(o, key, value);
    Py_DECREF(key);
    return status;
}

/* mp_ass_subscript */
int cyl_slot_ass_subscript(struct cyl_class *c, void *set, int set_index, void *del, int del_index, PyObject *o,
                           PyObject *key, PyObject *value) {
    void *user = value ? set : del;
    if (!user) {
        PyTypeObject *base = c->base ? *c->base : NULL;
        if (base && base->tp_as_mapping && base->tp_as_mapping->mp_ass_subscript) {
            return base->tp_as_mapping->mp_ass_subscript(o, key, value);
        }
        return cyl_no_subscript(o, value);
    }
    if (!(value ? set_index : del_index)) return ((objobjargproc) user)(o, key, value);
    Py_ssize_t index = __Pyx_PyIndex_AsSsize_t(key);
    if (unlikely(index == -1 && PyErr_Occurred())) return -1;
    return ((ssizeobjargproc) user)(o, index, value);
}

/* The truth of a comparison, -1 with an exception, or -2 where it is not implemented. */
static int cyl_compare_truth(binaryfunc method, PyObject *left, PyObject *right) {
    PyObject *found = method(left, right);
    if (unlikely(!found)) return -1;
    if (found == Py_NotImplemented) {
        Py_DECREF(found);
        return -2;
    }
    int truth = __Pyx_PyObject_IsTrue(found);
    Py_DECREF(found);
    return truth;
}

/* total_ordering: a comparison from the first ordering that there is, and equality where that decides. */
static PyObject *cyl_total_ordering(binaryfunc const *methods, PyObject *left, PyObject *right, int op) {
    int source = methods[Py_LT] ? Py_LT : methods[Py_LE] ? Py_LE : methods[Py_GT] ? Py_GT : Py_GE;
    int truth = cyl_compare_truth(methods[source], left, right);
    int turned = (source <= Py_LE) != (op <= Py_LE), or_equal = op == Py_LE || op == Py_GE;
    if (truth >= 0) {
        int strict_source = source == Py_LT || source == Py_GT;
        if (turned) truth = !truth;
        if (turned && strict_source == or_equal) return PyBool_FromLong(truth);
        if (truth == or_equal) return PyBool_FromLong(truth);
        truth = cyl_compare_truth(methods[methods[Py_EQ] ? Py_EQ : Py_NE], left, right);
        if (truth >= 0) {
            if (!methods[Py_EQ]) truth = !truth;
            return PyBool_FromLong(or_equal ? truth : !truth);
        }
    }
    return truth == -1 ? NULL : Py_NewRef(Py_NotImplemented);
}

/* tp_richcompare by a table of six methods; what is absent is asked of the base that is defined
   elsewhere, the place of whose address follows in the table.  Last comes what is not null where the other
   orderings follow from one. */
PyObject *cyl_slot_richcompare(void *const *table, PyObject *left, PyObject *right, int op) {
    binaryfunc const *methods = (binaryfunc const *) table;
    PyTypeObject **outside = (PyTypeObject **) table[6];
    if (methods[op]) return methods[op](left, right);
    if (table[7] && op != Py_EQ && op != Py_NE) return cyl_total_ordering(methods, left, right, op);
    if (op == Py_NE && methods[Py_EQ] && !outside) {
        PyObject *equal = methods[Py_EQ](left, right);
        if (likely(equal && equal != Py_NotImplemented)) {
            int truth = PyObject_IsTrue(equal);
            Py_DECREF(equal);
            if (unlikely(truth < 0)) return NULL;
            return PyBool_FromLong(!truth);
        }
        return equal;
    }
    if (outside && (*outside)->tp_richcompare) return (*outside)->tp_richcompare(left, right, op);
    return Py_NewRef(Py_NotImplemented);
}

/* ---------------------------------------------------------------- places of slots */

struct cyl_storage {
    PyTypeObject type;
    PyAsyncMethods async;
    PyNumberMethods number;
    PyMappingMethods mapping;
    PySequenceMethods sequence;
    PyBufferProcs buffer;
};

static size_t cyl_slot_offset(int64_t id) {
#define CYL_SLOT(part, type, name) case Py_##name: return offsetof(struct cyl_storage, part) + offsetof(type, name);
#define CYL_NB(name) CYL_SLOT(number, PyNumberMethods, nb_##name)
#define CYL_TP(name) CYL_SLOT(type, PyTypeObject, tp_##name)
    switch (id) {
        CYL_SLOT(buffer, PyBufferProcs, bf_getbuffer) CYL_SLOT(buffer, PyBufferProcs, bf_releasebuffer)
        CYL_SLOT(mapping, PyMappingMethods, mp_ass_subscript) CYL_SLOT(mapping, PyMappingMethods, mp_length)
        CYL_SLOT(mapping, PyMappingMethods, mp_subscript)
        CYL_SLOT(sequence, PySequenceMethods, sq_ass_item) CYL_SLOT(sequence, PySequenceMethods, sq_contains)
        CYL_SLOT(sequence, PySequenceMethods, sq_item) CYL_SLOT(sequence, PySequenceMethods, sq_length)
        CYL_SLOT(async, PyAsyncMethods, am_await) CYL_SLOT(async, PyAsyncMethods, am_aiter)
        CYL_SLOT(async, PyAsyncMethods, am_anext)
        CYL_NB(absolute) CYL_NB(add) CYL_NB(and) CYL_NB(bool) CYL_NB(divmod) CYL_NB(float)
        CYL_NB(floor_divide) CYL_NB(index) CYL_NB(inplace_add) CYL_NB(inplace_and)
        CYL_NB(inplace_floor_divide) CYL_NB(inplace_lshift) CYL_NB(inplace_multiply) CYL_NB(inplace_or)
        CYL_NB(inplace_power) CYL_NB(inplace_remainder) CYL_NB(inplace_rshift) CYL_NB(inplace_subtract)
        CYL_NB(inplace_true_divide) CYL_NB(inplace_xor) CYL_NB(int) CYL_NB(invert) CYL_NB(lshift)
        CYL_NB(multiply) CYL_NB(negative) CYL_NB(or) CYL_NB(positive) CYL_NB(power) CYL_NB(remainder)
        CYL_NB(rshift) CYL_NB(subtract) CYL_NB(true_divide) CYL_NB(xor) CYL_NB(matrix_multiply)
        CYL_NB(inplace_matrix_multiply)
        CYL_TP(call) CYL_TP(clear) CYL_TP(dealloc) CYL_TP(descr_get) CYL_TP(descr_set) CYL_TP(getattro)
        CYL_TP(hash) CYL_TP(init) CYL_TP(iter) CYL_TP(iternext) CYL_TP(new) CYL_TP(repr) CYL_TP(richcompare)
        CYL_TP(setattro) CYL_TP(str) CYL_TP(traverse) CYL_TP(finalize)
        case CYL_SLOT_VECTORCALL: return offsetof(PyTypeObject, tp_vectorcall);
    }
    return 0;
}

/* A number slot, by its place within PyNumberMethods. */
static ternaryfunc cyl_number_slot(PyTypeObject *type, size_t offset) {
    if (!type || !type->tp_as_number) return NULL;
    return *(ternaryfunc *) ((char *) type->tp_as_number + offset);
}

static PyObject *cyl_base_number(struct cyl_class *c, size_t offset, PyObject *left, PyObject *right,
                                 PyObject *extra) {
    ternaryfunc slot = cyl_number_slot((*c->type)->tp_base, offset);
    return slot ? slot(left, right, extra) : Py_NewRef(Py_NotImplemented);
}

/* A number slot with a reversed form.  `self` is the slot's own function; two operands leave the third
   argument unused. */
PyObject *cyl_slot_binary(struct cyl_class *c, int64_t id, ternaryfunc self, ternaryfunc forward, ternaryfunc reversed,
                          PyObject *left, PyObject *right, PyObject *extra) {
    size_t offset = cyl_slot_offset(id) - offsetof(struct cyl_storage, number);
    PyTypeObject *left_type = Py_TYPE(left), *right_type = Py_TYPE(right);
    int is_left = left_type == right_type || cyl_number_slot(left_type, offset) == self
        || PyType_IsSubtype(left_type, *c->type);
    int is_right = left_type == right_type || cyl_number_slot(right_type, offset) == self
        || PyType_IsSubtype(right_type, *c->type);
    PyObject *found;
    if (is_left) {
        if (is_right && reversed && !forward) {
            found = reversed(right, left, extra);
            if (found != Py_NotImplemented) return found;
            Py_DECREF(found);
            is_right = 0;
        }
        found = forward ? forward(left, right, extra) : cyl_base_number(c, offset, left, right, extra);
        if (found != Py_NotImplemented) return found;
        Py_DECREF(found);
    }
    if (is_right) {
        return reversed ? reversed(right, left, extra) : cyl_base_number(c, offset, left, right, extra);
    }
    return Py_NewRef(Py_NotImplemented);
}

/* ---------------------------------------------------------------- making the type */

static void cyl_fill_slots(const struct cyl_class *c, struct cyl_storage *made, PyTypeObject *type) {
    for (const struct cyl_slot *slot = c->slots; slot->id; slot++) {
        size_t offset = cyl_slot_offset(slot->id);
        char *place = offset < offsetof(struct cyl_storage, async) ? (char *) type : (char *) made;
        *(void **) (place + offset) = slot->function;
        if (offset >= offsetof(struct cyl_storage, buffer)) type->tp_as_buffer = &made->buffer;
        else if (offset >= offsetof(struct cyl_storage, sequence)) type->tp_as_sequence = &made->sequence;
        else if (offset >= offsetof(struct cyl_storage, mapping)) type->tp_as_mapping = &made->mapping;
        else if (offset >= offsetof(struct cyl_storage, number)) type->tp_as_number = &made->number;
        else if (offset >= offsetof(struct cyl_storage, async)) type->tp_as_async = &made->async;
    }
}

/* Documentation of special methods: in place of what PyType_Ready wrote. */
static int cyl_slot_docs(const struct cyl_class *c, PyTypeObject *type) {
    for (const char *const *doc = c->docs; doc && doc[0]; doc += 2) {
        PyObject *wrapper = PyObject_GetAttrString((PyObject *) type, doc[0]);
        if (!wrapper) return -1;
        if (Py_IS_TYPE(wrapper, &PyWrapperDescr_Type)) {
            struct wrapperbase *own = (struct wrapperbase *) PyMem_Malloc(sizeof *own);
            if (own) {
                *own = *((PyWrapperDescrObject *) wrapper)->d_base;
                own->doc = doc[1];
                ((PyWrapperDescrObject *) wrapper)->d_base = own;
            }
        }
        Py_DECREF(wrapper);
    }
    return 0;
}

/* Several bases: Python says whether they go together, by making a type of them. */
static int cyl_check_bases(PyObject *args, PyObject *bases) {
    PyTypeObject *first = (PyTypeObject *) PyTuple_GET_ITEM(bases, 0);
    PyObject *trial = PyType_Type.tp_new(&PyType_Type, args, NULL);
    if (!trial) return -1;
    PyTypeObject *best = ((PyTypeObject *) trial)->tp_base;
    int fits = best == first;
    if (!fits) {
        PyErr_Format(PyExc_TypeError, "best base '%.200s' must be equal to first base '%.200s'", best->tp_name,
                     first->tp_name);
    }
    Py_DECREF(trial);
    return fits ? 0 : -1;
}

/* Makes the type object and puts it where it belongs; `args` as for type() where there are several bases,
   or null. */
int cyl_class_ready(struct cyl_class *c, PyObject *module, PyObject *args) {
    PyObject *bases = args ? PyTuple_GET_ITEM(args, 1) : NULL;
    if (args && cyl_check_bases(args, bases) < 0) return -1;
    struct cyl_storage *made = (struct cyl_storage *) calloc(1, sizeof *made);
    if (!made) {
        PyErr_NoMemory();
        return -1;
    }
    PyTypeObject *type = c->storage ? c->storage : &made->type;
    Py_SET_REFCNT(type, 1);
    type->tp_name = c->name;
    type->tp_basicsize = (Py_ssize_t) c->size;
    type->tp_flags = Py_TPFLAGS_DEFAULT;
    if (!(c->flags & CYL_NO_VERSION_TAG)) type->tp_flags |= Py_TPFLAGS_HAVE_VERSION_TAG;
    if (!(c->flags & CYL_FINAL)) type->tp_flags |= Py_TPFLAGS_BASETYPE;
    if (c->flags & CYL_GC) type->tp_flags |= Py_TPFLAGS_HAVE_GC;
    if (c->flags & CYL_SEQUENCE) type->tp_flags |= Py_TPFLAGS_SEQUENCE;
    if (c->flags & CYL_MAPPING) type->tp_flags |= Py_TPFLAGS_MAPPING;
    type->tp_doc = c->doc;
    type->tp_methods = c->methods;
    type->tp_getset = c->properties;
    type->tp_dictoffset = (Py_ssize_t) c->dict_at;
    cyl_fill_slots(c, made, type);
    if (bases) type->tp_bases = Py_NewRef(bases);
    if (c->base) {
        type->tp_base = *c->base;
        if (c->flags & CYL_CHECK_BASE && type->tp_base->tp_basicsize > type->tp_basicsize) {
            PyErr_Format(PyExc_SystemError, "'%.200s' has another size than it was compiled for", type->tp_base->tp_name);
            return -1;
        }
    }
    *c->type = type;
    if (__Pyx_PyType_Ready(type) < 0 || cyl_slot_docs(c, type) < 0) return -1;
    if (c->flags & CYL_GROWS_EXTERNAL && __Pyx_validate_extern_base(type->tp_base) < 0) return -1;
    if (c->vtable) {
        for (int64_t i = 0; i < c->base_methods; i++) {
            if (!c->vtable[i]) c->vtable[i] = (*c->base_vtable)[i];
        }
        if (__Pyx_SetVtable(type, c->vtable) < 0) return -1;
    }
    if (!(c->flags & CYL_INTERNAL) && PyObject_SetAttrString(module, c->short_name, (PyObject *) type) < 0) return -1;
    if (c->weakrefs_at && !type->tp_weaklistoffset) type->tp_weaklistoffset = (Py_ssize_t) c->weakrefs_at;
    /* A reload may have put the type object that exists already into its place. */
    return c->flags & CYL_REDUCE ? __Pyx_setup_reduce((PyObject *) *c->type) : 0;
}

/* The type object of a class of another module, and the address of its C method table where it has one. */
int cyl_class_import(PyTypeObject **type, void ***vtable, const char *module, const char *name, int64_t size,
                     int64_t align, int32_t check) {
    if (*type) return 0;
    PyObject *imported = PyImport_ImportModule(module);
    if (!imported) return -1;
    *type = CYL_VERSIONED(__Pyx_ImportType)(imported, module, name, (size_t) size, (size_t) align,
                                            (enum CYL_VERSIONED(__Pyx_ImportType_CheckSize)) check);
    Py_DECREF(imported);
    if (!*type) return -1;
    return vtable && __Pyx_GetVtable(*type, (void **) vtable) != 1 ? -1 : 0;
}

/* A C function or variable of another module, by its name and C declaration. */
int cyl_import_function(PyObject *module, const char *name, void (**place)(void), const char *signature) {
    return CYL_VERSIONED(__Pyx_ImportFunction)(module, name, place, signature);
}

/* One of a fused function, which modules of earlier versions have under its old name only. */
int cyl_import_fused(PyObject *module, const char *name, void (**place)(void), const char *signature) {
    return CYL_VERSIONED(__Pyx_ImportFusedFunction)(module, name, place, signature) < 0 ? -1 : 0;
}

int cyl_import_variable(PyObject *module, const char *name, void **place, const char *signature) {
    return CYL_VERSIONED(__Pyx_ImportVoidPtr)(module, name, place, signature);
}

/* A name in the body of an extension type. */
PyObject *cyl_name_in_class(PyObject *type, PyObject *globals, PyObject *name) {
    PyObject *dict = ((PyTypeObject *) type)->tp_dict;
    if (likely(dict)) {
        PyObject *found = PyObject_GetItem(dict, name);
        if (found) return found;
    }
    if (!__Pyx_IgnoreException(PyExc_Exception)) return NULL;
    uint64_t version = 0;
    PyObject *cached = NULL;
    return cyl_get_global(globals, name, &version, &cached);
}

/* Whether a cpdef method is overridden in Python: 1 and what is to be called, or 0, or -1 with an
   exception.  `wrapper` is what an object has that does not override it; `cache` is two dictionaries'
   versions at the last look; `always`: instances have a dictionary or it is a module's function. */
int cyl_override(PyObject *self, PyObject *name, void *wrapper, uint64_t *cache, int always, PyObject **found) {
    PyTypeObject *type = Py_TYPE(self);
    if (!always && likely(!type->tp_dictoffset
                          && !__Pyx_PyType_HasFeature(type, Py_TPFLAGS_IS_ABSTRACT | Py_TPFLAGS_HEAPTYPE))) {
        return 0;
    }
    if (likely(__Pyx_object_dict_version_matches(self, cache[0], cache[1]))) return 0;
    uint64_t guard = __Pyx_get_tp_dict_version(self);
    PyObject *method = __Pyx_PyObject_GetAttrStr(self, name);
    if (unlikely(!method)) return -1;
    if (!__Pyx_IsSameCFunction(method, (void (*)(void)) wrapper)) {
        *found = method;
        return 1;
    }
    cache[0] = __Pyx_get_tp_dict_version(self);
    cache[1] = __Pyx_get_object_dict_version(self);
    if (unlikely(guard != cache[0])) cache[0] = cache[1] = __PYX_DICT_VERSION_INIT;
    Py_DECREF(method);
    return 0;
}

/* The end of __getbuffer__: no object where it failed, or where the method left the None that it had
   been given. */
void cyl_end_buffer(Py_buffer *view, int32_t status, int32_t had_none) {
    if (status < 0 || (had_none && view->obj == Py_None)) Py_CLEAR(view->obj);
}

/* The check of a call of something without parameters; `names` is a tuple, a dictionary, or null. */
int cyl_no_arguments(const char *name, int64_t given, PyObject *names) {
    Py_ssize_t count = PyVectorcall_NARGS((size_t) given);
    if (unlikely(count > 0)) {
        __Pyx_RaiseArgtupleInvalid(name, 1, 0, 0, count);
        return -1;
    }
    if (names && (PyDict_Check(names) ? PyDict_GET_SIZE(names) : PyTuple_GET_SIZE(names)) > 0) {
        __Pyx_RejectKeywords(name, names);
        return -1;
    }
    return 0;
}

/* A hash of -1 that is no error becomes -2. */
int64_t cyl_mend_hash(int64_t hash) {
    return unlikely(hash == -1) && !PyErr_Occurred() ? -2 : hash;
}

/* `__next__` called by name. */
PyObject *cyl_method_next(unaryfunc next, PyObject *self) {
    PyObject *found = next(self);
    if (!found && !PyErr_Occurred()) PyErr_SetNone(PyExc_StopIteration);
    return found;
}

/* A tuple with one more item in front. */
PyObject *cyl_tuple_with_first(PyObject *first, PyObject *rest) {
    Py_ssize_t count = PyTuple_GET_SIZE(rest);
    PyObject *made = PyTuple_New(count + 1);
    if (unlikely(!made)) return NULL;
    PyTuple_SET_ITEM(made, 0, Py_NewRef(first));
    for (Py_ssize_t i = 0; i < count; i++) PyTuple_SET_ITEM(made, i + 1, Py_NewRef(PyTuple_GET_ITEM(rest, i)));
    return made;
}
