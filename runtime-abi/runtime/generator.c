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

/* The first value of what a generator delegates to (`cyl_generator_delegates` then says so), or its
   result if it has none. */
PyObject *cyl_generator_yield_from(__pyx_CoroutineObject *self, PyObject *source) {
    PyObject *value = NULL;
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
