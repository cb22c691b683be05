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
    if _LOOP_WITH_GIL in text:
        return text + _BARRIER
    return text
