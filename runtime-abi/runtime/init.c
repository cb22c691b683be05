/* The state of the helpers: that of the module `cython_llvm._cyrt`, or, where they are linked into a
   library that works without that package, one of the library's own (features.c). */

#ifdef CYL_STATIC
static int cyl_own_runtime(void);
#endif

/* Makes sure that the state is there, cheaply after the first call.  0, or -1 with an exception. */
int cyl_runtime_init(void); /*proto*/
int cyl_runtime_init(void) {
#ifdef CYL_STATIC
    static int ready = 0;
    if (unlikely(!ready)) ready = cyl_own_runtime() == 0;
    return likely(ready) ? 0 : -1;
#else
    static PyObject *module = NULL;
    if (unlikely(!module)) module = PyImport_ImportModule("cython_llvm._cyrt");
    return likely(module) ? 0 : -1;
#endif
}
