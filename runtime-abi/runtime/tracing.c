/* Calls and returns of functions, told to a profiler: the directives `profile` and `linetrace` before
   sys.monitoring.  Lines are told in modules built with CYTHON_TRACE only, which take the C route. */

struct cyl_trace {
    PyFrameObject *frame; /* what the profiler sees */
    int64_t active;
};

static int cyl_profiled(PyThreadState *state) {
#if PY_VERSION_HEX >= 0x030C0000
    return !state->tracing && state->c_profilefunc != NULL;
#else
    return state->cframe->use_tracing && !state->tracing && state->c_profilefunc != NULL;
#endif
}

/* Whether the events of a call that was told are still wanted. */
static int cyl_still_profiled(PyThreadState *state) {
#if PY_VERSION_HEX >= 0x030C0000
    return state->c_profilefunc != NULL;
#else
    return state->cframe->use_tracing && state->c_profilefunc != NULL;
#endif
}

/* A call starts.  `code`: the function's code object, or null for one that is made and kept in `place`.
   `quiet`: the caller has told it already.  -1 where the profiler raised. */
int cyl_trace_start(struct cyl_trace *trace, PyObject *code, PyCodeObject **place, PyObject *globals,
                    const char *name, const char *file, int32_t line, int32_t quiet) {
    PyThreadState *state = PyThreadState_Get();
    trace->frame = NULL;
    trace->active = 0;
    if (likely(!cyl_profiled(state))) return 0;
    if (!code) {
        if (!*place) {
            *place = PyCode_NewEmpty(file, name, line);
            if (!*place) return 0;
            (*place)->co_flags |= CO_OPTIMIZED | CO_NEWLOCALS;
        }
        code = (PyObject *) *place;
    }
    trace->frame = PyFrame_New(state, (PyCodeObject *) code, globals, NULL);
    if (!trace->frame) return 0;
    if (!quiet) {
        PyObject *type, *value, *traceback;
        int failed;
        __Pyx_PyFrame_SetLineNumber(trace->frame, line);
        PyThreadState_EnterTracing(state);
        PyErr_Fetch(&type, &value, &traceback);
        failed = state->c_profilefunc(state->c_profileobj, trace->frame, PyTrace_CALL, NULL);
        PyThreadState_LeaveTracing(state);
        if (unlikely(failed)) {
            Py_XDECREF(type);
            Py_XDECREF(value);
            Py_XDECREF(traceback);
            return -1;
        }
        PyErr_Restore(type, value, traceback);
    }
    trace->active = cyl_still_profiled(state);
    return 0;
}

/* Whether a return is to be told. */
int cyl_trace_wanted(struct cyl_trace *trace) {
    return unlikely(trace->active) && cyl_still_profiled(PyThreadState_Get());
}

/* The call returns an object, or null: by an exception. */
void cyl_trace_return(struct cyl_trace *trace, PyObject *result) {
    PyThreadState *state = PyThreadState_Get();
    PyObject *type, *value, *traceback;
    if (!cyl_trace_wanted(trace)) return;
    PyErr_Fetch(&type, &value, &traceback);
    PyThreadState_EnterTracing(state);
    if (state->c_profilefunc) {
        state->c_profilefunc(state->c_profileobj, trace->frame, PyTrace_RETURN, result);
    }
    PyThreadState_LeaveTracing(state);
    PyErr_Restore(type, value, traceback);
}

void cyl_trace_end(struct cyl_trace *trace) { Py_CLEAR(trace->frame); }
