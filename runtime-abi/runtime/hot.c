/* Short forms of helpers, for callers to inline: `cyl_hot_NAME` becomes NAME in the bitcode that
   modules take bodies from.  They do small integers themselves and leave the rest to the library. */

#define CYL_COMPACT(o) (PyLong_CheckExact(o) && __Pyx_PyLong_IsCompact(o))
#if PY_VERSION_HEX < 0x030c0000
/* The size of such an int is its sign, and 0 for zero, whose digit is there all the same: no branches. */
#define CYL_VALUE(o) ((long) Py_SIZE(o) * (long) ((PyLongObject *) (o))->ob_digit[0])
#else
#define CYL_VALUE(o) ((long) __Pyx_PyLong_CompactValue(o))
#endif

/* Of an object and a constant, which has at most 30 bits. */
#define CYL_HOT_CONSTANT(name, op)                                                                        \
    __attribute__((noinline)) PyObject *cyl_slow_##name(PyObject *a, PyObject *b, long value,             \
                                                        int inplace, int zero) {                          \
        return name(a, b, value, inplace, zero);                                                          \
    }                                                                                                     \
    PyObject *cyl_hot_##name(PyObject *a, PyObject *b, long value, int inplace, int zero) {               \
        if (likely(CYL_COMPACT(a))) return PyLong_FromLong(CYL_VALUE(a) op value);                        \
        return cyl_slow_##name(a, b, value, inplace, zero);                                               \
    }

CYL_HOT_CONSTANT(__Pyx_PyLong_AddObjC, +)
CYL_HOT_CONSTANT(__Pyx_PyLong_SubtractObjC, -)

/* Of two objects. */
#define CYL_HOT_BINARY(kind, op)                                                                          \
    __attribute__((noinline)) PyObject *cyl_slow_##kind(PyObject *a, PyObject *b) {                       \
        return __Pyx_PyNumber_##kind##_object_object(a, b);                                               \
    }                                                                                                     \
    PyObject *cyl_hot_cyl___Pyx_PyNumber_##kind##_object_object(PyObject *a, PyObject *b) {               \
        if (likely(CYL_COMPACT(a) && CYL_COMPACT(b))) return PyLong_FromLong(CYL_VALUE(a) op CYL_VALUE(b)); \
        return cyl_slow_##kind(a, b);                                                                     \
    }

CYL_HOT_BINARY(Add, +)
CYL_HOT_BINARY(Subtract, -)
CYL_HOT_BINARY(Multiply, *)
CYL_HOT_BINARY(InPlaceAdd, +)
CYL_HOT_BINARY(InPlaceSubtract, -)
CYL_HOT_BINARY(InPlaceMultiply, *)

/* A vectorcall. */
__attribute__((noinline)) PyObject *cyl_slow_call_vector(PyObject *callee, PyObject *const *args,
                                                         int64_t count, PyObject *names) {
    return PyObject_Vectorcall(callee, args, (size_t) count, names);
}

PyObject *cyl_call_vector(PyObject *callee, PyObject *const *args, int64_t count, PyObject *names) {
    return cyl_slow_call_vector(callee, args, count, names);
}

PyObject *cyl_hot_cyl_call_vector(PyObject *callee, PyObject *const *args, int64_t count, PyObject *names) {
    PyTypeObject *type = Py_TYPE(callee);
    if (likely(PyType_HasFeature(type, Py_TPFLAGS_HAVE_VECTORCALL))) {
        vectorcallfunc function = *(vectorcallfunc *) ((char *) callee + type->tp_vectorcall_offset);
        if (likely(function)) return function(callee, args, (size_t) count, names);
    }
    return cyl_slow_call_vector(callee, args, count, names);
}

/* The same, and a level of recursion, as a call of the slot tp_call is. */
PyObject *cyl_call_counted(PyObject *callee, PyObject *const *args, int64_t count, PyObject *names) {
    vectorcallfunc function = PyVectorcall_Function(callee);
    if (unlikely(!function)) return cyl_slow_call_vector(callee, args, count, names);
    if (unlikely(Py_EnterRecursiveCall(" while calling a Python object"))) return NULL;
    PyObject *result = function(callee, args, (size_t) count, names);
    Py_LeaveRecursiveCall();
    return result;
}

/* A call without arguments.  Cython calls a function of its own that takes none as a C function, which is a
   level of recursion; CPython counts those of its own functions. */
PyObject *cyl_call_none(PyObject *callee) {
    PyObject *space[1];
    int64_t count = (int64_t) PY_VECTORCALL_ARGUMENTS_OFFSET;
    if (__Pyx_CyFunction_CheckExact(callee) && __Pyx_CyOrPyCFunction_GET_FLAGS(callee) & METH_NOARGS) {
        return cyl_call_counted(callee, space + 1, count, NULL);
    }
    return cyl_hot_cyl_call_vector(callee, space + 1, count, NULL);
}

/* Whether an object is the function that was made of a method definition, and a call of it with
   positional arguments comes to a call of its C function with the object and those. */
int cyl_is_function(PyObject *callee, PyMethodDef *method) {
    PyTypeObject *type = Py_TYPE(callee);
    PyCFunctionObject *function = (PyCFunctionObject *) callee;
    return type->tp_vectorcall_offset == offsetof(PyCFunctionObject, vectorcall)
        && PyType_HasFeature(type, Py_TPFLAGS_HAVE_VECTORCALL)
        && function->vectorcall == __Pyx_CyFunction_Vectorcall_FASTCALL_KEYWORDS && function->m_ml == method;
}

/* Of a type that nobody can have changed no method is overridden. */
__attribute__((noinline)) int cyl_slow_override(PyObject *self, PyObject *name, void *wrapper, uint64_t *cache,
                                                int always, PyObject **found) {
    return cyl_override(self, name, wrapper, cache, always, found);
}

int cyl_hot_cyl_override(PyObject *self, PyObject *name, void *wrapper, uint64_t *cache, int always,
                         PyObject **found) {
    PyTypeObject *type = Py_TYPE(self);
    if (!always && likely(!type->tp_dictoffset
                          && !__Pyx_PyType_HasFeature(type, Py_TPFLAGS_IS_ABSTRACT | Py_TPFLAGS_HEAPTYPE))) {
        return 0;
    }
    return cyl_slow_override(self, name, wrapper, cache, always, found);
}

/* The type that an argument is declared with is most often the very one. */
__attribute__((noinline)) int cyl_slow_ArgTypeTest(PyObject *o, PyTypeObject *type, int none_allowed,
                                                   const char *name, int exact) {
    return __Pyx_ArgTypeTest(o, type, none_allowed, name, exact);
}

int cyl_hot___Pyx_ArgTypeTest(PyObject *o, PyTypeObject *type, int none_allowed, const char *name, int exact) {
    if (likely(Py_IS_TYPE(o, type)) || (none_allowed && o == Py_None)) return 1;
    return cyl_slow_ArgTypeTest(o, type, none_allowed, name, exact);
}

/* Comparisons with a truth value as their result. */
#define CYL_HOT_COMPARE(op, sign, one, two)                                                               \
    __attribute__((noinline)) int cyl_slow_##op##_##one##_##two(PyObject *a, PyObject *b, int how) {      \
        return __Pyx_PyObject_CompareBool##op##_##one##_##two(a, b, how);                                 \
    }                                                                                                     \
    int cyl_hot___Pyx_PyObject_CompareBool##op##_##one##_##two(PyObject *a, PyObject *b, int how) {       \
        if (likely(CYL_COMPACT(a) && CYL_COMPACT(b))) return CYL_VALUE(a) sign CYL_VALUE(b);              \
        if (PyFloat_CheckExact(a) && PyFloat_CheckExact(b))                                               \
            return PyFloat_AS_DOUBLE(a) sign PyFloat_AS_DOUBLE(b);                                        \
        return cyl_slow_##op##_##one##_##two(a, b, how);                                                  \
    }
#define CYL_HOT_COMPARES(one, two)                                                                        \
    CYL_HOT_COMPARE(Eq, ==, one, two)                                                                     \
    CYL_HOT_COMPARE(Ne, !=, one, two)                                                                     \
    CYL_HOT_COMPARE(Lt, <, one, two)                                                                      \
    CYL_HOT_COMPARE(Le, <=, one, two)                                                                     \
    CYL_HOT_COMPARE(Gt, >, one, two)                                                                      \
    CYL_HOT_COMPARE(Ge, >=, one, two)

CYL_HOT_COMPARES(object, object)
CYL_HOT_COMPARES(object, int)
CYL_HOT_COMPARES(int, object)

#if CYTHON_ASSUME_SAFE_MACROS && CYTHON_ASSUME_SAFE_SIZE && !CYTHON_AVOID_BORROWED_REFS \
    && !CYTHON_AVOID_THREAD_UNSAFE_BORROWED_REFS
/* An item by its number, of an object that is most often a list or a tuple. */
__attribute__((noinline, flatten)) PyObject *cyl_slow_item(PyObject *o, Py_ssize_t i, int wraparound, int boundscheck,
                                                  int unsafe_shared) {
    return __Pyx_GetItemInt_Fast(o, i, wraparound, boundscheck, unsafe_shared);
}

PyObject *cyl_hot___Pyx_GetItemInt_Fast(PyObject *o, Py_ssize_t i, int wraparound, int boundscheck,
                                        int unsafe_shared) {
    Py_ssize_t at = i;
    if (likely(PyList_CheckExact(o))) {
        if (wraparound && unlikely(i < 0)) at += PyList_GET_SIZE(o);
        if (!boundscheck || likely(__Pyx_is_valid_index(at, PyList_GET_SIZE(o))))
            return __Pyx_NewRef(PyList_GET_ITEM(o, at));
    } else if (PyTuple_CheckExact(o)) {
        if (wraparound && unlikely(i < 0)) at += PyTuple_GET_SIZE(o);
        if (!boundscheck || likely(__Pyx_is_valid_index(at, PyTuple_GET_SIZE(o))))
            return __Pyx_NewRef(PyTuple_GET_ITEM(o, at));
    }
    return cyl_slow_item(o, i, wraparound, boundscheck, unsafe_shared);
}

__attribute__((noinline, flatten)) int cyl_slow_set_item(PyObject *o, Py_ssize_t i, PyObject *v, int wraparound,
                                                int boundscheck, int unsafe_shared) {
    return __Pyx_SetItemInt_Fast(o, i, v, wraparound, boundscheck, unsafe_shared);
}

int cyl_hot___Pyx_SetItemInt_Fast(PyObject *o, Py_ssize_t i, PyObject *v, int wraparound, int boundscheck,
                                  int unsafe_shared) {
    if (likely(PyList_CheckExact(o))) {
        Py_ssize_t at = wraparound && unlikely(i < 0) ? i + PyList_GET_SIZE(o) : i;
        if (!boundscheck || likely(__Pyx_is_valid_index(at, PyList_GET_SIZE(o)))) {
            PyObject *old = PyList_GET_ITEM(o, at);
            PyList_SET_ITEM(o, at, __Pyx_NewRef(v));
            Py_DECREF(old);
            return 0;
        }
    }
    return cyl_slow_set_item(o, i, v, wraparound, boundscheck, unsafe_shared);
}
#endif

#if CYTHON_USE_PYLIST_INTERNALS && CYTHON_ASSUME_SAFE_MACROS && CYTHON_ASSUME_SAFE_SIZE
/* The last item of a list, where what is left is enough to keep the room there is. */
__attribute__((noinline)) PyObject *cyl_slow_list_pop(PyObject *o) {
    return __Pyx_PyList_Pop(o);
}

PyObject *cyl_hot___Pyx_PyList_Pop(PyObject *o) {
    Py_ssize_t left = PyList_GET_SIZE(o) - 1;
    if (unlikely(left < ((PyListObject *) o)->allocated >> 1)) return cyl_slow_list_pop(o);
    Py_SET_SIZE(o, left);
    return PyList_GET_ITEM(o, left);
}
#endif

/* What a module looks up or makes once, and keeps at a place of its own: a built-in that Cython takes for
   constant, and a slice of constants.  New references; null with an exception. */
__attribute__((noinline)) PyObject *cyl_slow_builtin(PyObject **place, PyObject *name) {
    PyObject *found = __Pyx_GetBuiltinName(name);
    if (likely(found)) *place = Py_NewRef(found);
    return found;
}

PyObject *cyl_kept_builtin(PyObject **place, PyObject *name) {
    if (likely(*place)) return Py_NewRef(*place);
    return cyl_slow_builtin(place, name);
}

__attribute__((noinline)) PyObject *cyl_slow_slice(PyObject **place, PyObject *start, PyObject *stop, PyObject *step) {
    PyObject *made = PySlice_New(start, stop, step);
    if (likely(made)) *place = Py_NewRef(made);
    return made;
}

PyObject *cyl_kept_slice(PyObject **place, PyObject *start, PyObject *stop, PyObject *step) {
    if (likely(*place)) return Py_NewRef(*place);
    return cyl_slow_slice(place, start, stop, step);
}

/* Loops over dicts and sets. */
__attribute__((noinline)) int cyl_slow_dict_next(PyObject *o, Py_ssize_t length, Py_ssize_t *position, PyObject **key,
                                                 PyObject **value, PyObject **item, int is_dict) {
    return __Pyx_dict_iter_next(o, length, position, key, value, item, is_dict);
}

int cyl_hot___Pyx_dict_iter_next(PyObject *o, Py_ssize_t length, Py_ssize_t *position, PyObject **key,
                                 PyObject **value, PyObject **item, int is_dict) {
    PyObject *found_key, *found_value;
    if (unlikely(!is_dict || item || PyDict_GET_SIZE(o) != length))
        return cyl_slow_dict_next(o, length, position, key, value, item, is_dict);
    if (unlikely(!PyDict_Next(o, position, &found_key, &found_value))) return 0;
    if (key) *key = Py_NewRef(found_key);
    if (value) *value = Py_NewRef(found_value);
    return 1;
}

#if CYTHON_COMPILING_IN_CPYTHON && PY_VERSION_HEX < 0x030d0000
__attribute__((noinline)) int cyl_slow_set_next(PyObject *o, Py_ssize_t length, Py_ssize_t *position, PyObject **value,
                                                int is_set) {
    return __Pyx_set_iter_next(o, length, position, value, is_set);
}

int cyl_hot___Pyx_set_iter_next(PyObject *o, Py_ssize_t length, Py_ssize_t *position, PyObject **value, int is_set) {
    Py_hash_t hash;
    if (unlikely(!is_set || PySet_GET_SIZE(o) != length))
        return cyl_slow_set_next(o, length, position, value, is_set);
    if (!_PySet_NextEntry(o, position, value, &hash)) return 0;
    Py_INCREF(*value);
    return 1;
}
#endif

/* A character's number. */
__attribute__((noinline)) long cyl_slow_ord(PyObject *o) {
    return __Pyx_PyObject_Ord(o);
}

long cyl_hot_cyl___Pyx_PyObject_Ord(PyObject *o) {
    if (likely(PyUnicode_Check(o) && PyUnicode_IS_READY(o) && PyUnicode_GET_LENGTH(o) == 1))
        return (long) PyUnicode_READ_CHAR(o, 0);
    return cyl_slow_ord(o);
}
