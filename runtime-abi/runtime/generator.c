/* What the bodies of generators and coroutines need of Cython's generator objects. */

/* Where the body goes on: 0 at first, -1 after its end. */
int cyl_generator_label(__pyx_CoroutineObject *self) {
    return self->resume_label;
}

/* The scope object: borrowed. */
PyObject *cyl_generator_frame(__pyx_CoroutineObject *self) {
    return self->closure;
}

/* Before the body returns with a value to be resumed at `label`.  While an exception is handled, it
   stays with the generator. */
void cyl_generator_suspend(__pyx_CoroutineObject *self, int label, int handling) {
    if (handling) {
        __Pyx_Coroutine_SwapException(self);
    } else {
        __Pyx_Coroutine_ResetAndClearException(self);
    }
    self->resume_label = label;
}

/* After the body's end: its scope object may be gone after this. */
void cyl_generator_finish(__pyx_CoroutineObject *self) {
    self->resume_label = -1;
    __Pyx_Coroutine_clear((PyObject *) self);
}

/* Sets the exception for a value sent to a generator that has not begun. */
void cyl_generator_not_started(PyObject *sent, const char *kind) {
    if (sent) PyErr_Format(PyExc_TypeError, "can't send non-None value to a just-started %s", kind);
}

/* An exception leaves the body: whether one is set at all.  A generator may end without. */
int cyl_generator_failed(int replace, int in_async_generator) {
    if (!PyErr_Occurred()) return 0;
    if (replace) __Pyx_Generator_Replace_StopIteration(in_async_generator);
    return 1;
}

static __Pyx_PySendResult cyl_generator_am_send(PyObject *self, PyObject *value, PyObject **result);

/* The generators that delegate one to the next, from that which is resumed on, as far as they are of the
   kind below: the innermost ones, in a ring. */
enum { CYL_CHAIN = 32 };
struct cyl_chain {
    __pyx_CoroutineObject *ring[CYL_CHAIN];
    size_t depth; /* of the innermost */
    size_t known; /* how many are in the ring, the innermost among them */
};

static void cyl_chain_add(struct cyl_chain *chain, __pyx_CoroutineObject *next) {
    chain->ring[++chain->depth % CYL_CHAIN] = next;
    if (chain->known < CYL_CHAIN) chain->known++;
}

/* Drops the innermost one, which has ended; that which delegated to it. */
static __pyx_CoroutineObject *cyl_chain_end(struct cyl_chain *chain, __pyx_CoroutineObject *top) {
    size_t left = chain->depth - 1;
    if (likely(--chain->known)) {
        chain->depth = left;
    } else {
        chain->ring[0] = top;
        chain->depth = 0;
        chain->known = 1;
        while (chain->depth < left) {
            cyl_chain_add(chain, (__pyx_CoroutineObject *) chain->ring[chain->depth % CYL_CHAIN]->yieldfrom);
        }
    }
    return chain->ring[left % CYL_CHAIN];
}

/* Resumes a generator that delegates, and runs already: Cython's helper calls itself for each generator on
   the way, this one goes down to the last and back again.  As long as they run, none of them changes whom
   it delegates to. */
static __attribute__((noinline)) __Pyx_PySendResult
cyl_generator_resume_chain(__pyx_CoroutineObject *top, PyObject *value, PyObject **result) {
    struct cyl_chain chain;
    chain.ring[0] = top;
    chain.depth = 0;
    chain.known = 1;
    __pyx_CoroutineObject *last = top;
    while (last->yieldfrom_am_send == cyl_generator_am_send) {
        __pyx_CoroutineObject *next = (__pyx_CoroutineObject *) last->yieldfrom;
        if (unlikely(next->is_running)) break;
        next->is_running = 1;
        cyl_chain_add(&chain, next);
        last = next;
    }
    PyObject *made = NULL;
    __Pyx_PySendResult status;
    if (likely(!last->yieldfrom)) {
        status = __Pyx_Coroutine_SendEx(last, value, &made, 0);
    } else {
        last->is_running = 0;
        status = __Pyx_Coroutine_AmSend((PyObject *) last, value, &made);
    }
    while (status != PYGEN_NEXT && last != top) {
        PyObject *given = status == PYGEN_ERROR ? NULL : made;
        last->is_running = 0;
        last = cyl_chain_end(&chain, top);
        __Pyx_Coroutine_Undelegate(last);
        made = NULL;
        status = __Pyx_Coroutine_SendEx(last, given, &made, 0);
        Py_XDECREF(given);
    }
    size_t depth = chain.depth;
    for (size_t i = 0; i < chain.known; i++) chain.ring[(depth - i) % CYL_CHAIN]->is_running = 0;
    for (; depth >= chain.known; depth--) {
        top->is_running = 0;
        top = (__pyx_CoroutineObject *) top->yieldfrom;
    }
    *result = made;
    return status;
}

/* The same of two, the innermost of which does not run. */
static __attribute__((noinline)) __Pyx_PySendResult
cyl_generator_resume_pair(__pyx_CoroutineObject *top, PyObject *value, PyObject **result) {
    __pyx_CoroutineObject *last = (__pyx_CoroutineObject *) top->yieldfrom;
    last->is_running = 1;
    __Pyx_PySendResult status = __Pyx_Coroutine_SendEx(last, value, result, 0);
    last->is_running = 0;
    if (unlikely(status != PYGEN_NEXT)) {
        PyObject *given = status == PYGEN_ERROR ? NULL : *result;
        __Pyx_Coroutine_Undelegate(top);
        *result = NULL;
        status = __Pyx_Coroutine_SendEx(top, given, result, 0);
        Py_XDECREF(given);
    }
    top->is_running = 0;
    return status;
}

static inline __attribute__((always_inline)) __Pyx_PySendResult
cyl_generator_resume(__pyx_CoroutineObject *self, PyObject *value, PyObject **result) {
    if (unlikely(__Pyx_Coroutine_test_and_set_is_running(self))) {
        *result = __Pyx_Coroutine_AlreadyRunningError(self);
        return PYGEN_ERROR;
    }
    if (self->yieldfrom) {
        __pyx_CoroutineObject *next = (__pyx_CoroutineObject *) self->yieldfrom;
        if (self->yieldfrom_am_send == cyl_generator_am_send && !next->is_running && !next->yieldfrom)
            return cyl_generator_resume_pair(self, value, result);
        return cyl_generator_resume_chain(self, value, result);
    }
    __Pyx_PySendResult status = __Pyx_Coroutine_SendEx(self, value, result, 0);
    __Pyx_Coroutine_unset_is_running(self);
    return status;
}

static __Pyx_PySendResult cyl_generator_am_send(PyObject *self, PyObject *value, PyObject **result) {
    return cyl_generator_resume((__pyx_CoroutineObject *) self, value, result);
}

static PyObject *cyl_generator_next(PyObject *self) {
    __pyx_CoroutineObject *generator = (__pyx_CoroutineObject *) self;
    PyObject *made = NULL;
    if (generator->yieldfrom && generator->yieldfrom_am_send != cyl_generator_am_send) return __Pyx_Generator_Next(self);
    __Pyx_PySendResult status = cyl_generator_resume(generator, Py_None, &made);
    return __Pyx_Coroutine_MethodReturnFromResult(self, status, made, 1);
}

/* Gives the type of generators these functions, before it is made. */
#ifndef CYL_STATIC
__attribute__((constructor))
#endif
static void cyl_generator_slots(void) {
#ifndef Py_GIL_DISABLED
    for (PyType_Slot *slot = __pyx_GeneratorType_slots; slot->slot; slot++) {
        if (slot->slot == Py_tp_iternext) slot->pfunc = (void *) cyl_generator_next;
        if (slot->slot == Py_am_send) slot->pfunc = (void *) cyl_generator_am_send;
    }
#endif
}

/* The first value of what a generator delegates to (`cyl_generator_delegates` then says so), or its
   result if it has none. */
PyObject *cyl_generator_yield_from(__pyx_CoroutineObject *self, PyObject *source) {
    PyObject *value = NULL;
    PyTypeObject *type = Py_TYPE(source);
    if (type == Py_TYPE(self) && type->tp_iter == PyObject_SelfIter) {
        /* A generator like this one: no StopIteration is made for its result. */
        __Pyx_PySendResult status = type->tp_as_async->am_send(source, Py_None, &value);
        if (likely(status == PYGEN_NEXT)) {
            Py_INCREF(source);
            self->yieldfrom = source;
            self->yieldfrom_am_send = type->tp_as_async->am_send;
            return value;
        }
        if (likely(status == PYGEN_RETURN)) return value;
        /* The end, if it had ended before. */
        value = NULL;
        return __Pyx_PyGen__FetchStopIterationValue(__Pyx_PyThreadState_Current, &value) < 0 ? NULL : value;
    }
    return __Pyx_Generator_Yield_From(self, source, &value) == PYGEN_ERROR ? NULL : value;
}

PyObject *cyl_coroutine_yield_from(__pyx_CoroutineObject *self, PyObject *source) {
    PyObject *value = NULL;
    return __Pyx_Coroutine_Yield_From(self, source, &value) == PYGEN_ERROR ? NULL : value;
}

int cyl_generator_delegates(__pyx_CoroutineObject *self) {
    return self->yieldfrom != NULL;
}

/* Whether the exception that is set, if any, is the end of an asynchronous iteration; it is gone
   then. */
int cyl_async_iteration_ended(void) {
    PyObject *type = PyErr_Occurred();
    if (!type || type == PyExc_StopIteration || type == PyExc_GeneratorExit) return 0;
    if (!PyErr_GivenExceptionMatches(type, PyExc_StopAsyncIteration)) return 0;
    PyErr_Clear();
    return 1;
}

/* One function for each kind: what a library does not make has no type there (features.c). */
#define CYL_GENERATOR(name, make)                                                                        \
    PyObject *name(__pyx_coroutine_body_t body, PyObject *code, PyObject *closure, PyObject *own,        \
                   PyObject *qualname, PyObject *module) {                                               \
        return (PyObject *) make(body, code, closure, own, qualname, module);                            \
    }

CYL_GENERATOR(cyl_generator_new, __Pyx_Generator_New)
CYL_GENERATOR(cyl_coroutine_new, __Pyx_Coroutine_New)
CYL_GENERATOR(cyl_async_generator_new, __Pyx_AsyncGen_New)
CYL_GENERATOR(cyl_iterable_coroutine_new, __Pyx_IterableCoroutine_New)

/* For a generator in a class body that refers to the class: takes it over from the function. */
void cyl_generator_class(PyObject *generator, PyObject *function) {
    ((__pyx_CoroutineObject *) generator)->classobj = Py_XNewRef(__Pyx_CyFunction_GetClassObj(function));
}

/* The class of the generator method that runs, for super(): borrowed, or NULL with an exception. */
PyObject *cyl_generator_class_of(__pyx_CoroutineObject *self) {
    if (unlikely(!self->classobj)) {
        PyErr_SetString(PyExc_RuntimeError, "super(): empty __class__ cell");
    }
    return self->classobj;
}
