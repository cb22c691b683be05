/* `cython.pymutex` and `cython.pythread_type_lock`, by their address: from CPython 3.13 on a mutex is where it
   is in memory.  `mutex`: whether it is the first of the two. */

#define CYL_EITHER_LOCK(what) \
    do { \
        if (mutex) { \
            __Pyx_Locks_PyMutex *l = (__Pyx_Locks_PyMutex *) lock; \
            __Pyx_Locks_PyMutex_##what(*l); \
        } else { \
            __Pyx_Locks_PyThreadTypeLock *l = (__Pyx_Locks_PyThreadTypeLock *) lock; \
            __Pyx_Locks_PyThreadTypeLock_##what(*l); \
        } \
    } while (0)

void cyl_lock_init(void *lock, int32_t mutex) { CYL_EITHER_LOCK(Init); }
void cyl_lock_delete(void *lock, int32_t mutex) { CYL_EITHER_LOCK(Delete); }
void cyl_lock_acquire_gil(void *lock, int32_t mutex) { CYL_EITHER_LOCK(LockGil); }
void cyl_lock_acquire_nogil(void *lock, int32_t mutex) { CYL_EITHER_LOCK(LockNogil); }
void cyl_lock_acquire(void *lock, int32_t mutex) { CYL_EITHER_LOCK(Lock); }
void cyl_lock_release(void *lock, int32_t mutex) { CYL_EITHER_LOCK(Unlock); }

int cyl_lock_locked(void *lock, int32_t mutex) {
    return mutex ? __Pyx_Locks_PyMutex_Locked(*(__Pyx_Locks_PyMutex *) lock)
                 : __Pyx_Locks_PyThreadTypeLock_Locked(*(__Pyx_Locks_PyThreadTypeLock *) lock);
}

int cyl_lock_can_tell(void *lock, int32_t mutex) {
    return mutex ? __Pyx_Locks_PyMutex_CanCheckLocked(*(__Pyx_Locks_PyMutex *) lock)
                 : __Pyx_Locks_PyThreadTypeLock_CanCheckLocked(*(__Pyx_Locks_PyThreadTypeLock *) lock);
}

/* Locks in an object: twice their offsets, and 1 for a mutex. */
static inline void cyl_locks_init(void *object, const uint32_t *locks, int64_t count) {
    for (int64_t i = 0; i < count; i++) cyl_lock_init((char *) object + locks[i] / 2, locks[i] & 1);
}

static inline void cyl_locks_delete(void *object, const uint32_t *locks, int64_t count) {
    for (int64_t i = 0; i < count; i++) cyl_lock_delete((char *) object + locks[i] / 2, locks[i] & 1);
}
