"""What has to be added to Cython's C text for clang to treat it as gcc does.

Additions go to the end, or take the place of a comment, so that no line changes its number.
"""

from __future__ import annotations

# A prange loop that holds the GIL ends with `omp for nowait ... lastprivate(...)`, gives the GIL
# up, and then waits at a barrier of its own.  Clang, other than gcc, waits at the loop's end
# wherever there is a lastprivate, `nowait` or not, with the GIL still held: a deadlock
# (Cython's tests/run/parallel_with_gil.pyx).  This barrier gives the GIL up while it waits.
_LOOP_WITH_GIL = b"__pyx_parallel_loop_threadstate"
_BARRIER = rb"""
#if defined(_OPENMP) && !defined(Py_LIMITED_API)
#ifdef __cplusplus
extern "C" {
#endif
extern void GOMP_barrier(void);
__attribute__((visibility("hidden"))) void __kmpc_barrier(void *location, int thread);
__attribute__((visibility("hidden"))) void __kmpc_barrier(void *location, int thread) {
    PyThreadState *own = PyGILState_GetThisThreadState();
    PyThreadState *held = own && own == _PyThreadState_UncheckedGet() ? PyEval_SaveThread() : NULL;
    (void) location;
    (void) thread;
    GOMP_barrier();
    if (held) PyEval_RestoreThread(held);
}
#ifdef __cplusplus
}
#endif
#endif
"""

# A reduction over complex numbers ends with calls of libatomic, which no wheel can count on.  What
# they work on is a variable of one function, so that a lock of the module's own will do.
_ATOMICS = rb"""
#if defined(_OPENMP)
#ifdef __cplusplus
extern "C" {
#endif
#define CYL_ATOMIC(result, name, ...) \
    __attribute__((visibility("hidden"))) result cyl_atomic_##name(size_t size, __VA_ARGS__) \
        __asm__("__atomic_" #name); \
    result cyl_atomic_##name(size_t size, __VA_ARGS__)
static char cyl_atomic_taken;
static void cyl_atomic_take(void) { while (__atomic_test_and_set(&cyl_atomic_taken, __ATOMIC_ACQUIRE)); }
static void cyl_atomic_give(void) { __atomic_clear(&cyl_atomic_taken, __ATOMIC_RELEASE); }
CYL_ATOMIC(void, load, const void *from, void *to, int order) {
    (void) order;
    cyl_atomic_take();
    memcpy(to, from, size);
    cyl_atomic_give();
}
CYL_ATOMIC(void, store, void *to, const void *from, int order) {
    (void) order;
    cyl_atomic_take();
    memcpy(to, from, size);
    cyl_atomic_give();
}
CYL_ATOMIC(int, compare_exchange, void *at, void *expected, const void *wanted, int order, int otherwise) {
    int same;
    (void) order;
    (void) otherwise;
    cyl_atomic_take();
    same = !memcmp(at, expected, size);
    if (same) memcpy(at, wanted, size); else memcpy(expected, at, size);
    cyl_atomic_give();
    return same;
}
#ifdef __cplusplus
}
#endif
#endif
"""
_REDUCTION = b"reduction("
_COMPLEX = b"_complex"

# A reload makes the module's state point at the type objects that exist already.  LLVM must not take
# what is stored there for all that can ever be.
_STATE = b"static __pyx_mstatetype __pyx_mstate_global_static ="


# Cython tests for a `range` by a macro that CPython does not have (gcc's libraries cannot be imported).
_RANGE = b"PyRange_CheckExact("
_COMMENT = b"/* #### Code section: utility_code_proto_before_types ### */\n"
_IS_RANGE = b"#define PyRange_CheckExact(op) Py_IS_TYPE((op), &PyRange_Type)\n"


def adapt(text: bytes) -> bytes:
    """The text to compile in place of ``text``."""
    if _RANGE in text:
        text = text.replace(_COMMENT, _IS_RANGE, 1)
    text = text.replace(_STATE, b"__attribute__((used)) " + _STATE, 1)
    if _REDUCTION in text and _COMPLEX in text:
        text += _ATOMICS
    if _LOOP_WITH_GIL in text:
        text += _BARRIER
    return text
