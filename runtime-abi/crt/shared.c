/* What crtbeginS.o and libc_nonshared.a give a shared library that a C compiler links: the
 * library's handle, destructors run when it is closed, and the C functions that glibc keeps out of
 * libc.so.6 because they need that handle.  Rules: Itanium C++ ABI 3.3.6, glibc's
 * stdlib/atexit.c and nptl/pthread_atfork.c. */

#define HIDDEN __attribute__((visibility("hidden")))

extern int __cxa_atexit(void (*function)(void *), void *argument, void *handle);
extern void __cxa_finalize(void *handle) __attribute__((weak));
extern int __cxa_at_quick_exit(void (*function)(void *), void *handle);
extern int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void),
                             void *handle);

HIDDEN void *__dso_handle = &__dso_handle;

HIDDEN int atexit(void (*function)(void)) {
  return __cxa_atexit((void (*)(void *))function, 0, __dso_handle);
}

HIDDEN int at_quick_exit(void (*function)(void)) {
  return __cxa_at_quick_exit((void (*)(void *))function, __dso_handle);
}

HIDDEN int pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void)) {
  return __register_atfork(prepare, parent, child, __dso_handle);
}

__attribute__((destructor)) static void finalize(void) {
  if (__cxa_finalize)
    __cxa_finalize(__dso_handle);
}
