/* Scope objects: the variables that functions share with those inside them, and what a generator
   keeps between two resumptions. */

/* Written by codegen/src/passes/frames.rs. */
struct cyl_closure {
    const char *name;
    int64_t size;
    const uint32_t *objects; /* offsets of the fields that own objects, then of memoryview slices */
    int32_t count;
    int32_t keep; /* not cleared by the garbage collector: a generator still runs on it */
    struct cyl_closure_type *type; /* made when it is first wanted */
    int64_t slices;                /* how many slices */
    const uint32_t *locks;         /* see c_locks.c */
    int64_t lock_count;
};

enum { CYL_CLOSURE_SPARE = 8 };

struct cyl_closure_type {
    PyTypeObject type;
    struct cyl_closure *closure;
    PyObject *spare[CYL_CLOSURE_SPARE];
    int spares;
};

#define CYL_CLOSURE_FIELD(self, closure, i) ((PyObject **) ((char *) (self) + (closure)->objects[i]))

static int cyl_closure_traverse(PyObject *self, visitproc visit, void *arg) {
    struct cyl_closure *closure = ((struct cyl_closure_type *) Py_TYPE(self))->closure;
    for (int i = 0; i < closure->count; i++) Py_VISIT(*CYL_CLOSURE_FIELD(self, closure, i));
    return 0;
}

static int cyl_closure_clear(PyObject *self) {
    struct cyl_closure *closure = ((struct cyl_closure_type *) Py_TYPE(self))->closure;
    for (int i = 0; i < closure->count; i++) Py_CLEAR(*CYL_CLOSURE_FIELD(self, closure, i));
    return 0;
}

static void cyl_closure_dealloc(PyObject *self) {
    struct cyl_closure_type *type = (struct cyl_closure_type *) Py_TYPE(self);
    if (type->closure->count) PyObject_GC_UnTrack(self);
    cyl_closure_clear(self);
    for (int64_t i = 0; i < type->closure->slices; i++) {
        __Pyx_memviewslice *slice = (__Pyx_memviewslice *) CYL_CLOSURE_FIELD(self, type->closure, type->closure->count + i);
        __PYX_XCLEAR_MEMVIEW(slice, 1);
    }
    cyl_locks_delete(self, type->closure->locks, type->closure->lock_count);
    if (type->spares < CYL_CLOSURE_SPARE) {
        type->spare[type->spares++] = self;
    } else {
        type->type.tp_free(self);
    }
}

/* Of a type without objects, slices and locks. */
static void cyl_closure_dealloc_plain(PyObject *self) {
    struct cyl_closure_type *type = (struct cyl_closure_type *) Py_TYPE(self);
    if (likely(type->spares < CYL_CLOSURE_SPARE)) {
        type->spare[type->spares++] = self;
    } else {
        type->type.tp_free(self);
    }
}

static int cyl_closure_make_type(struct cyl_closure *closure) {
    struct cyl_closure_type *made = (struct cyl_closure_type *) PyMem_Calloc(1, sizeof *made);
    if (!made) {
        PyErr_NoMemory();
        return -1;
    }
    PyTypeObject head = {PyVarObject_HEAD_INIT(NULL, 0)};
    made->type = head;
    made->type.tp_name = closure->name;
    made->type.tp_basicsize = (Py_ssize_t) closure->size;
    made->type.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION;
    made->type.tp_dealloc = closure->count || closure->slices || closure->lock_count ? cyl_closure_dealloc : cyl_closure_dealloc_plain;
    if (closure->count) {
        made->type.tp_flags |= Py_TPFLAGS_HAVE_GC;
        made->type.tp_traverse = cyl_closure_traverse;
        made->type.tp_clear = closure->keep ? NULL : cyl_closure_clear;
    }
    made->closure = closure;
    if (PyType_Ready(&made->type) < 0) {
        PyMem_Free(made);
        return -1;
    }
    closure->type = made;
    return 0;
}

/* A new scope object, its fields zero.  It has few of them: without a call of memset. */
__attribute__((no_builtin("memset")))
PyObject *cyl_closure_new(struct cyl_closure *closure) {
    if (!closure->type && cyl_closure_make_type(closure) < 0) return NULL;
    struct cyl_closure_type *type = closure->type;
    if (!type->spares) {
        PyObject *fresh = type->type.tp_alloc(&type->type, 0);
        if (fresh && closure->lock_count) cyl_locks_init(fresh, closure->locks, closure->lock_count);
        return fresh;
    }
    PyObject *made = type->spare[--type->spares];
    for (int64_t i = sizeof(PyObject); i < closure->size; i += sizeof(void *)) {
        *(void **) ((char *) made + i) = NULL;
    }
    if (closure->lock_count) cyl_locks_init(made, closure->locks, closure->lock_count);
    (void) PyObject_INIT(made, &type->type);
    if (closure->count) PyObject_GC_Track(made);
    return made;
}

/* What a function object keeps for the functions it was made from: borrowed. */
PyObject *cyl_function_closure(PyObject *function) {
    return __Pyx_CyFunction_GetClosure(function);
}
