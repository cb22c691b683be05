/* Calls and returns of functions, told to a profiler and, in modules built with CYTHON_TRACE, to a tracer:
   the directives `profile` and `linetrace` before sys.monitoring. */

/* The caller has told the call already. */
#define CYL_TRACE_QUIET 1
/* CYTHON_TRACE: tracers hear of it as well. */
#define CYL_TRACE_TRACERS 2

struct cyl_trace {
    PyFrameObject *frame; /* what the profiler sees */
    int32_t active;
    int32_t tracers;
};

static int cyl_tracing_on(PyThreadState *state) {
#if PY_VERSION_HEX >= 0x030C0000
    (void) state;
    return 1;
#else
    return state->cframe->use_tracing;
#endif
}

/* A call starts.  `code`: the function's code object, or null for one that is made and kept in `place`.
   `how`: CYL_TRACE_*.  -1 where the profiler raised. */
int cyl_trace_start(struct cyl_trace *trace, PyObject *code, PyCodeObject **place, PyObject *globals,
                    const char *name, const char *file, int32_t line, int32_t how) {
    PyThreadState *state = PyThreadState_Get();
    trace->frame = NULL;
    trace->active = 0;
    trace->tracers = (how & CYL_TRACE_TRACERS) != 0;
    if (likely(!cyl_tracing_on(state)) || state->tracing) return 0;
    if (!state->c_profilefunc && !(trace->tracers && state->c_tracefunc)) return 0;
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
    if (trace->tracers && !trace->frame->f_trace) {
        /* With it the frame's line is what was set last. */
        trace->frame->f_trace = Py_NewRef(Py_None);
    }
    if (!(how & CYL_TRACE_QUIET)) {
        PyObject *type, *value, *traceback;
        int failed = 0;
        __Pyx_PyFrame_SetLineNumber(trace->frame, line);
        PyThreadState_EnterTracing(state);
        PyErr_Fetch(&type, &value, &traceback);
        if (trace->tracers && state->c_tracefunc) {
            failed = state->c_tracefunc(state->c_traceobj, trace->frame, PyTrace_CALL, NULL);
        }
        if (!failed && state->c_profilefunc) {
            failed = state->c_profilefunc(state->c_profileobj, trace->frame, PyTrace_CALL, NULL);
        }
        PyThreadState_LeaveTracing(state);
        if (unlikely(failed)) {
            Py_XDECREF(type);
            Py_XDECREF(value);
            Py_XDECREF(traceback);
            trace->active = 1;
            return -1;
        }
        PyErr_Restore(type, value, traceback);
    }
    trace->active = cyl_tracing_on(state);
    return 0;
}

/* Whether there is anything to tell, or to give back; to be asked without the GIL. */
int cyl_trace_active(struct cyl_trace *trace) { return trace->frame != NULL; }

/* A line of a call is got to, where there is anything to tell; `nogil`: without the GIL.  -1 where the
   tracer raised. */
int cyl_trace_line(struct cyl_trace *trace, int32_t line, int32_t nogil) {
    PyObject *type, *value, *traceback;
    PyThreadState *state;
    PyGILState_STATE gil = PyGILState_UNLOCKED;
    int failed = 0;
    if (nogil) gil = PyGILState_Ensure();
    state = PyThreadState_Get();
    if (cyl_tracing_on(state) && state->c_tracefunc && trace->frame->f_trace) {
        PyErr_Fetch(&type, &value, &traceback);
        __Pyx_PyFrame_SetLineNumber(trace->frame, line);
        PyThreadState_EnterTracing(state);
        failed = state->c_tracefunc(state->c_traceobj, trace->frame, PyTrace_LINE, NULL);
        PyThreadState_LeaveTracing(state);
        if (likely(!failed)) {
            PyErr_Restore(type, value, traceback);
        } else {
            Py_XDECREF(type);
            Py_XDECREF(value);
            Py_XDECREF(traceback);
        }
    }
    if (nogil) PyGILState_Release(gil);
    return unlikely(failed) ? -1 : 0;
}

/* Whether a return is to be told. */
int cyl_trace_wanted(struct cyl_trace *trace) {
    return unlikely(trace->active) && cyl_tracing_on(PyThreadState_Get());
}

/* The call returns an object, or null: by an exception. */
void cyl_trace_return(struct cyl_trace *trace, PyObject *result) {
    PyThreadState *state = PyThreadState_Get();
    PyObject *type, *value, *traceback;
    if (!cyl_trace_wanted(trace)) return;
    PyErr_Fetch(&type, &value, &traceback);
    PyThreadState_EnterTracing(state);
    if (trace->tracers && state->c_tracefunc) {
        state->c_tracefunc(state->c_traceobj, trace->frame, PyTrace_RETURN, result);
    }
    if (state->c_profilefunc) {
        state->c_profilefunc(state->c_profileobj, trace->frame, PyTrace_RETURN, result);
    }
    PyThreadState_LeaveTracing(state);
    PyErr_Restore(type, value, traceback);
}

void cyl_trace_end(struct cyl_trace *trace) { Py_CLEAR(trace->frame); }
