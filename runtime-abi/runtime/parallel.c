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

/* Counts of chunks for the loops of one region.  Threads do not wait at the end of a loop: one may be some
   loops ahead of another.  How many counts there are (`all`) is codegen's affair (`lower/parallel_share.rs`),
   which makes room for them. */
typedef struct {
    int64_t next;     /* the first: `cyl_parallel_chunk` counts here */
    int64_t loop;     /* the number of the loop that it is for, among those of the region */
    int64_t done;     /* threads that are through with it */
    int64_t apart[5]; /* a line of the cache each */
} cyl_parallel_loop;

/* Before the region. */
void cyl_parallel_loops_start(cyl_parallel_loop *loops, int64_t all) {
    memset(loops, 0, (size_t) all * sizeof *loops);
    for (int64_t i = 0; i < all; i++) loops[i].loop = i;
}

/* The count for a loop; waits where a thread is that far behind. */
int64_t *cyl_parallel_loop_enter(cyl_parallel_loop *loops, int64_t number, int64_t all) {
    cyl_parallel_loop *loop = &loops[number % all];
    while (__atomic_load_n(&loop->loop, __ATOMIC_ACQUIRE) != number) sched_yield();
    return &loop->next;
}

/* No chunk is left for this thread. */
void cyl_parallel_loop_leave(int64_t *next, int64_t number, int threads, int64_t all) {
    cyl_parallel_loop *loop = (cyl_parallel_loop *) next;
    if (__atomic_add_fetch(&loop->done, 1, __ATOMIC_ACQ_REL) != threads) return;
    loop->next = 0;
    loop->done = 0;
    __atomic_store_n(&loop->loop, number + all, __ATOMIC_RELEASE);
}

/* prange with a step of zero. */
void cyl_parallel_abort(void) {
    abort();
}
