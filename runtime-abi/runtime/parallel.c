/* Parallel regions: exceptions of threads, and their thread states. */

/* Keeps this thread's exception for the thread that started the region, unless one is kept already. */
void cyl_parallel_fetch(PyObject **kept, int *kept_line, int line) {
    PyGILState_STATE gil = PyGILState_Ensure();
    if (!kept[0]) {
        PyErr_Fetch(&kept[0], &kept[1], &kept[2]);
        *kept_line = line;
    } else {
        PyErr_Clear();
    }
    PyGILState_Release(gil);
}

/* Sets the exception that was kept. */
void cyl_parallel_restore(PyObject **kept) {
    PyGILState_STATE gil = PyGILState_Ensure();
    PyErr_Restore(kept[0], kept[1], kept[2]);
    PyGILState_Release(gil);
}

/* Makes a thread state that lasts as long as the region, so that exceptions outlive `with gil`. */
void *cyl_parallel_begin(int *token) {
    *token = (int) PyGILState_Ensure();
    return PyEval_SaveThread();
}

void cyl_parallel_end(void *state, int token) {
    PyEval_RestoreThread((PyThreadState *) state);
    PyGILState_Release((PyGILState_STATE) token);
}

/* The number of the next chunk of a loop with a dynamic schedule. */
int64_t cyl_parallel_chunk(int64_t *next) {
    return __atomic_fetch_add(next, 1, __ATOMIC_RELAXED);
}

/* prange with a step of zero. */
void cyl_parallel_abort(void) {
    abort();
}
