/* Letting go of the GIL where it is not known whether the thread holds it. */

/* The thread's state to restore, or null where the GIL was not held. */
void *cyl_save_unknown_thread(void) {
    return PyGILState_Check() ? (void *) PyEval_SaveThread() : NULL;
}

void cyl_restore_unknown_thread(void *state) {
    if (state) PyEval_RestoreThread((PyThreadState *) state);
}
