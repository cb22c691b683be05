/* The state of the helpers where they are linked into a library: no more of it than the library uses.

   `codegen/shim/features.cpp` makes a variable of each field of the state, and the entries of `cyl_features`
   below go to a section of their own, each tied to its variable: a linker that leaves out what nothing
   refers to leaves out the entry with it, and what it refers to.  Strings go the same way.  Every function
   here may be called again, and calls those that it relies on. */

#ifdef CYL_STATIC

#define CYL_STATE __pyx_mstate_global_static

static int cyl_need_module(void) {
    if (__pyx_m) return 0;
    __pyx_m = PyModule_New("cython_llvm._cyrt");
    return __pyx_m ? 0 : -1;
}

static int cyl_need_globals(void) {
    if (CYL_STATE.__pyx_d) return 0;
    if (cyl_need_module() < 0) return -1;
    CYL_STATE.__pyx_d = Py_XNewRef(PyModule_GetDict(__pyx_m));
    return CYL_STATE.__pyx_d ? 0 : -1;
}

static int cyl_need_builtins(void) {
    if (!CYL_STATE.__pyx_b) CYL_STATE.__pyx_b = __Pyx_PyImport_AddModuleRef("builtins");
    return CYL_STATE.__pyx_b ? 0 : -1;
}

static int cyl_need_runtime_module(void) {
    if (!CYL_STATE.__pyx_cython_runtime) {
        CYL_STATE.__pyx_cython_runtime = __Pyx_PyImport_AddModuleRef("cython_runtime");
    }
    return CYL_STATE.__pyx_cython_runtime ? 0 : -1;
}

static int cyl_need_empty_tuple(void) {
    if (!CYL_STATE.__pyx_empty_tuple) CYL_STATE.__pyx_empty_tuple = PyTuple_New(0);
    return CYL_STATE.__pyx_empty_tuple ? 0 : -1;
}

static int cyl_need_empty_bytes(void) {
    if (!CYL_STATE.__pyx_empty_bytes) CYL_STATE.__pyx_empty_bytes = PyBytes_FromStringAndSize("", 0);
    return CYL_STATE.__pyx_empty_bytes ? 0 : -1;
}

static int cyl_need_empty_unicode(void) {
    if (!CYL_STATE.__pyx_empty_unicode) CYL_STATE.__pyx_empty_unicode = PyUnicode_FromStringAndSize("", 0);
    return CYL_STATE.__pyx_empty_unicode ? 0 : -1;
}

#if CYTHON_COMPILING_IN_LIMITED_API || PY_VERSION_HEX >= 0x030C0000
static int cyl_need_assertions(void) { return __Pyx_init_assertions_enabled(); }
#endif

/* Types that the modules of a process have in common. */

static int cyl_need_metaclass(void) {
    if (CYL_STATE.__pyx_CommonTypesMetaclassType) return 0;
    return cyl_need_module() < 0 ? -1 : __pyx_CommonTypesMetaclass_init(__pyx_m);
}

#define CYL_COMMON_TYPE(name)                                                    \
    static int cyl_need_##name(void) {                                           \
        if (CYL_STATE.__pyx_##name##Type) return 0;                              \
        return cyl_need_metaclass() < 0 ? -1 : __pyx_##name##_init(__pyx_m);     \
    }

CYL_COMMON_TYPE(CyFunction)

static void cyl_generator_slots(void);

static int cyl_need_Generator(void) {
    if (CYL_STATE.__pyx_GeneratorType) return 0;
    cyl_generator_slots();
    return cyl_need_metaclass() < 0 ? -1 : __pyx_Generator_init(__pyx_m);
}

/* Iterable coroutines are made along. */
static int cyl_need_Coroutine(void) {
    if (CYL_STATE.__pyx_CoroutineAwaitType) return 0;
    if (cyl_need_metaclass() < 0 || __pyx_Coroutine_init(__pyx_m) < 0) return -1;
    return CYL_STATE.__pyx_IterableCoroutineType ? 0 : __pyx_IterableCoroutine_init(__pyx_m);
}

static int cyl_need_AsyncGen(void) {
    if (CYL_STATE.__pyx__PyAsyncGenASendType) return 0;
    return cyl_need_Coroutine() < 0 ? -1 : __pyx_AsyncGen_init(__pyx_m);
}

static int cyl_need_FusedFunction(void) {
    return cyl_need_CyFunction() < 0 ? -1 : __pyx_FusedFunction_init(__pyx_m);
}

/* What memoryview code keeps. */

static int cyl_need_numbers(void) {
    if (!CYL_STATE.__pyx_int_neg_1) CYL_STATE.__pyx_int_neg_1 = PyLong_FromLong(-1);
    if (!CYL_STATE.__pyx_int_0) CYL_STATE.__pyx_int_0 = PyLong_FromLong(0);
    return CYL_STATE.__pyx_int_neg_1 && CYL_STATE.__pyx_int_0 ? 0 : -1;
}

/* By which layouts are pickled: the checksum of their fields. */
static int cyl_need_checksum(void) {
    CYL_STATE.__pyx_int_136983863 = PyLong_FromLong(136983863);
    return CYL_STATE.__pyx_int_136983863 ? 0 : -1;
}

static int cyl_need_constants(void) {
    if (CYL_STATE.__pyx_tuple[1]) return 0;
    if (cyl_need_numbers() < 0) return -1;
    CYL_STATE.__pyx_tuple[0] = PyTuple_Pack(1, CYL_STATE.__pyx_int_neg_1);
    CYL_STATE.__pyx_slice[0] = PySlice_New(Py_None, Py_None, Py_None);
    if (!CYL_STATE.__pyx_tuple[0] || !CYL_STATE.__pyx_slice[0]) return -1;
    CYL_STATE.__pyx_tuple[1] = PyTuple_Pack(1, CYL_STATE.__pyx_slice[0]);
    return CYL_STATE.__pyx_tuple[1] ? 0 : -1;
}

/* `array` and `_memoryviewslice` are sequences, as far as that is possible. */
static int cyl_view_sequences(PyTypeObject *type) {
    PyObject *one = NULL;
    int done = 0;
    if (__pyx_collections_abc_Sequence == Py_None) return 0;
    for (int i = 0; i < 2 && done >= 0; i++) {
        PyObject *name = i ? __pyx_mstate_global->__pyx_n_u_index : __pyx_mstate_global->__pyx_n_u_count;
        one = PyObject_GetAttr(__pyx_collections_abc_Sequence, name);
        done = one ? __Pyx_SetItemOnTypeDict(type, name, one) : -1;
        Py_XDECREF(one);
    }
    PyErr_Clear();
    one = PyObject_CallMethodOneArg(__pyx_collections_abc_Sequence, __pyx_mstate_global->__pyx_n_u_register,
                                    (PyObject *) type);
    if (!one) PyErr_Clear();
    Py_XDECREF(one);
    return 0;
}

/* The module that the user has for memoryview code (`cython --shared`), where there is one: the library's
   own code defines it. */
extern const char cyl_shared_utility[] __attribute__((weak, visibility("hidden")));

static int cyl_shared_layouts(void);
/* Volatile, or calls of them become calls of what is put there, and every library would have that. */
static int (*volatile cyl_later_layouts)(void), (*volatile cyl_later_views)(void);

static int cyl_need_layouts(void) {
    const struct { PyObject **place, *name; } layouts[] = {
        {&generic, __pyx_mstate_global->__pyx_kp_u_strided_and_direct_or_indirect},
        {&strided, __pyx_mstate_global->__pyx_kp_u_strided_and_direct},
        {&indirect, __pyx_mstate_global->__pyx_kp_u_strided_and_indirect},
        {&contiguous, __pyx_mstate_global->__pyx_kp_u_contiguous_and_direct},
        {&indirect_contiguous, __pyx_mstate_global->__pyx_kp_u_contiguous_and_indirect},
    };
    if (indirect_contiguous) return 0;
    if (cyl_shared_utility) {
        cyl_later_layouts = cyl_shared_layouts;
        return 0;
    }
    if (cyl_need_globals() < 0 || cyl_need_builtins() < 0) return -1;
    if (__Pyx_modinit_Exttype___pyx_MemviewEnum_obj(&CYL_STATE) < 0) return -1;
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        *layouts[i].place = PyObject_CallOneArg((PyObject *) CYL_STATE.__pyx_MemviewEnum_type, layouts[i].name);
        if (!*layouts[i].place) return -1;
    }
    PyObject *unpickle = PyCFunction_NewEx(&__pyx_mdef_15View_dot_MemoryView_1__pyx_unpickle_Enum, NULL,
                                           __pyx_mstate_global->__pyx_n_u_View_MemoryView);
    int done = unpickle ? PyDict_SetItem(CYL_STATE.__pyx_d, __pyx_mstate_global->__pyx_n_u_pyx_unpickle_Enum,
                                         unpickle) : -1;
    Py_XDECREF(unpickle);
    return done;
}

static int cyl_shared_views(void);

static int cyl_need_views(void) {
    if (CYL_STATE.__pyx_memoryviewslice_type) return 0;
    if (cyl_shared_utility) {
        cyl_later_views = cyl_shared_views;
        return 0;
    }
    if (cyl_need_globals() < 0 || cyl_need_builtins() < 0) return -1;
    PyObject *abc = PyImport_ImportModule("collections.abc");
    __pyx_collections_abc_Sequence = abc ? PyObject_GetAttrString(abc, "Sequence") : NULL;
    Py_XDECREF(abc);
    if (!__pyx_collections_abc_Sequence) {
        PyErr_Clear();
        __pyx_collections_abc_Sequence = Py_NewRef(Py_None);
    }
    __pyx_memoryview_thread_locks_used = 0;
    for (size_t i = 0; i < sizeof __pyx_memoryview_thread_locks / sizeof *__pyx_memoryview_thread_locks; i++) {
        __pyx_memoryview_thread_locks[i] = PyThread_allocate_lock();
    }
    if (__Pyx_modinit_Exttype___pyx_array_obj(&CYL_STATE) < 0
        || __Pyx_modinit_Exttype___pyx_memoryview_obj(&CYL_STATE) < 0
        || __Pyx_modinit_Exttype___pyx_memoryviewslice_obj(&CYL_STATE) < 0) return -1;
    return cyl_view_sequences(CYL_STATE.__pyx_array_type) < 0
           || cyl_view_sequences(CYL_STATE.__pyx_memoryviewslice_type) < 0 ? -1 : cyl_need_layouts();
}

/* Built-in functions and methods that helpers call. */

#define CYL_BUILTIN(name, field)                                                                     \
    static int cyl_need_builtin_##name(void) {                                                       \
        if (cyl_need_builtins() < 0) return -1;                                                      \
        if (!__pyx_builtin_##name) __pyx_builtin_##name = __Pyx_GetBuiltinName(CYL_STATE.field);     \
        return __pyx_builtin_##name ? 0 : -1;                                                        \
    }

CYL_BUILTIN(super, __pyx_n_u_super)
CYL_BUILTIN(object, __pyx_n_u_object)
CYL_BUILTIN(id, __pyx_n_u_id)
CYL_BUILTIN(eval, __pyx_n_u_eval)
CYL_BUILTIN(zip, __pyx_n_u_zip)
CYL_BUILTIN(__import__, __pyx_n_u_import)
CYL_BUILTIN(enumerate, __pyx_n_u_enumerate)
CYL_BUILTIN(Ellipsis, __pyx_n_u_Ellipsis)

#define CYL_METHODS(each)                                                                            \
    each(PyDict_Type_get, &PyDict_Type, get)                                                         \
    each(PyDict_Type_items, &PyDict_Type, items)                                                     \
    each(PyDict_Type_keys, &PyDict_Type, keys)                                                       \
    each(PyDict_Type_pop, &PyDict_Type, pop)                                                         \
    each(PyDict_Type_values, &PyDict_Type, values)                                                   \
    each(PyList_Type_pop, &PyList_Type, pop)                                                         \
    each(PySet_Type_update, &PySet_Type, update)                                                     \
    each(Pyx_PyFrozenDict_TypePtr_items, __Pyx_PyFrozenDict_TypePtr, items)                          \
    each(Pyx_PyFrozenDict_TypePtr_keys, __Pyx_PyFrozenDict_TypePtr, keys)                            \
    each(Pyx_PyFrozenDict_TypePtr_value, __Pyx_PyFrozenDict_TypePtr, values)

#define CYL_METHOD(field, of, name)                                              \
    static int cyl_need_umethod_##field(void) {                                  \
        CYL_STATE.__pyx_umethod_##field.type = (PyObject *) (of);                \
        CYL_STATE.__pyx_umethod_##field.method_name = &CYL_STATE.__pyx_n_u_##name; \
        return 0;                                                                \
    }
CYL_METHODS(CYL_METHOD)

PyTypeObject *cyl_CoroutineType(void);
PyTypeObject *cyl_IterableCoroutineType(void);
PyTypeObject *cyl_AsyncGenType(void);
PyObject *cyl_coroutine_new(__pyx_coroutine_body_t body, PyObject *code, PyObject *closure, PyObject *own,
                            PyObject *qualname, PyObject *module);
PyObject *cyl_iterable_coroutine_new(__pyx_coroutine_body_t body, PyObject *code, PyObject *closure,
                                     PyObject *own, PyObject *qualname, PyObject *module);
PyObject *cyl_async_generator_new(__pyx_coroutine_body_t body, PyObject *code, PyObject *closure,
                                  PyObject *own, PyObject *qualname, PyObject *module);

/* A variable of the state, or a function, and what has to be called where it is used: nothing, where
   another entry sees to it. */
struct cyl_feature {
    void *at;
    int (*need)(void);
};

__attribute__((used)) static const struct cyl_feature cyl_features[] = {
    {&__pyx_m, cyl_need_module},
    {&CYL_STATE.__pyx_d, cyl_need_globals},
    {&CYL_STATE.__pyx_b, cyl_need_builtins},
    {&CYL_STATE.__pyx_cython_runtime, cyl_need_runtime_module},
    {&CYL_STATE.__pyx_empty_tuple, cyl_need_empty_tuple},
    {&CYL_STATE.__pyx_empty_bytes, cyl_need_empty_bytes},
    {&CYL_STATE.__pyx_empty_unicode, cyl_need_empty_unicode},
#if CYTHON_COMPILING_IN_LIMITED_API || PY_VERSION_HEX >= 0x030C0000
    {&__pyx_assertions_enabled_flag, cyl_need_assertions},
#endif
    {&CYL_STATE.__pyx_CommonTypesMetaclassType, cyl_need_metaclass},
    {&CYL_STATE.__pyx_CyFunctionType, cyl_need_CyFunction},
    {&CYL_STATE.__pyx_FusedFunctionType, cyl_need_FusedFunction},
    {&CYL_STATE.__pyx_GeneratorType, cyl_need_Generator},
    /* Generators only look whether something is a coroutine: nothing is, where the type is null. */
    {cyl_coroutine_new, cyl_need_Coroutine},
    {cyl_iterable_coroutine_new, cyl_need_Coroutine},
    {cyl_async_generator_new, cyl_need_AsyncGen},
    {cyl_CoroutineType, cyl_need_Coroutine},
    {cyl_IterableCoroutineType, cyl_need_Coroutine},
    {cyl_AsyncGenType, cyl_need_AsyncGen},
    {&CYL_STATE.__pyx_CoroutineType, NULL},
    {&CYL_STATE.__pyx_CoroutineAwaitType, NULL},
    {&CYL_STATE.__pyx_IterableCoroutineType, NULL},
    {&CYL_STATE.__pyx_AsyncGenType, NULL},
    {&CYL_STATE.__pyx__PyAsyncGenAThrowType, NULL},
    {&CYL_STATE.__pyx__PyAsyncGenASendType, NULL},
    {&CYL_STATE.__pyx__PyAsyncGenWrappedValueType, NULL},
    {&CYL_STATE.__pyx_int_neg_1, cyl_need_numbers},
    {&CYL_STATE.__pyx_int_0, cyl_need_numbers},
    {&CYL_STATE.__pyx_int_136983863, cyl_need_checksum},
    {&CYL_STATE.__pyx_tuple[0], cyl_need_constants},
    {&CYL_STATE.__pyx_tuple[1], cyl_need_constants},
    {&CYL_STATE.__pyx_slice[0], cyl_need_constants},
    {&CYL_STATE.__pyx_array_type, cyl_need_views},
    {&CYL_STATE.__pyx_memoryview_type, cyl_need_views},
    {&CYL_STATE.__pyx_memoryviewslice_type, cyl_need_views},
    {&__pyx_vtabptr_array, cyl_need_views},
    {&__pyx_vtabptr_memoryview, cyl_need_views},
    {&__pyx_vtabptr__memoryviewslice, cyl_need_views},
    {&__pyx_collections_abc_Sequence, cyl_need_views},
    {&__pyx_memoryview_thread_locks, cyl_need_views},
    {&CYL_STATE.__pyx_MemviewEnum_type, cyl_need_layouts},
    {&generic, cyl_need_layouts},
    {&strided, cyl_need_layouts},
    {&indirect, cyl_need_layouts},
    {&contiguous, cyl_need_layouts},
    {&indirect_contiguous, cyl_need_layouts},
    {&__pyx_builtin_super, cyl_need_builtin_super},
    {&__pyx_builtin_object, cyl_need_builtin_object},
    {&__pyx_builtin_id, cyl_need_builtin_id},
    {&__pyx_builtin_eval, cyl_need_builtin_eval},
    {&__pyx_builtin_zip, cyl_need_builtin_zip},
    {&__pyx_builtin___import__, cyl_need_builtin___import__},
    {&__pyx_builtin_enumerate, cyl_need_builtin_enumerate},
    {&__pyx_builtin_Ellipsis, cyl_need_builtin_Ellipsis},
#define CYL_ENTRY(field, of, name) {&CYL_STATE.__pyx_umethod_##field, cyl_need_umethod_##field},
    CYL_METHODS(CYL_ENTRY)
};

/* Fields that are tables: each of their items is a variable of its own. */
__attribute__((used)) static void *const cyl_state_tables[] = {
    CYL_STATE.__pyx_string_tab, CYL_STATE.__pyx_number_tab, CYL_STATE.__pyx_tuple,
    CYL_STATE.__pyx_slice, CYL_STATE.__pyx_codeobj_tab,
};

/* The strings, which `runtimelib.py` takes from Cython's text: CYL_STRING_DATA and so on. */
__attribute__((used)) static const char cyl_string_data[] = CYL_STRING_DATA;
__attribute__((used)) static const unsigned short cyl_string_lengths[] = {CYL_STRING_LENGTHS};
/* Of the strings, how many are str; of these, the first that is interned. */
__attribute__((used)) static const int cyl_string_kinds[] = {CYL_STRING_STR, CYL_STRING_INTERNED};

/* What features.cpp makes of the tables.  Addresses are relative to where they stand. */
struct cyl_need_entry {
    int32_t need;
};

struct cyl_string_entry {
    int32_t at;
    uint16_t length;
    uint8_t kind; /* 0: bytes, 1: str, 2: an interned one */
    char text[]; /* and zeros to the next multiple of four */
};

extern const struct cyl_need_entry __start_cyl_needs[] __attribute__((weak, visibility("hidden")));
extern const struct cyl_need_entry __stop_cyl_needs[] __attribute__((weak, visibility("hidden")));
extern const char __start_cyl_strings[] __attribute__((weak, visibility("hidden")));
extern const char __stop_cyl_strings[] __attribute__((weak, visibility("hidden")));

static int cyl_make_strings(void) {
    const char *p = __start_cyl_strings;
    while (p < __stop_cyl_strings) {
        const struct cyl_string_entry *one = (const struct cyl_string_entry *) p;
        PyObject **place = (PyObject **) (p + one->at);
        *place = one->kind ? PyUnicode_DecodeUTF8(one->text, one->length, NULL)
                           : PyBytes_FromStringAndSize(one->text, one->length);
        if (*place && one->kind == 2) PyUnicode_InternInPlace(place);
        /* Helpers read the hash where it is kept. */
        if (!*place || PyObject_Hash(*place) == -1) return -1;
        p = (const char *) (((uintptr_t) one->text + one->length + 3) & ~(uintptr_t) 3);
    }
    return 0;
}

static int cyl_own_runtime(void) {
    extern void cyl_file_start(void);
    cyl_file_start(); /* of objects that do not call it themselves */
    __Pyx_init_runtime_version();
    if (__Pyx_check_binary_version(__PYX_LIMITED_VERSION_HEX, __Pyx_get_runtime_version(), 0) < 0) return -1;
    /* A module that Cython's modules bring along. */
    if (!PyImport_AddModule("cython_runtime")) return -1;
    if (cyl_make_strings() < 0) return -1;
    for (const struct cyl_need_entry *one = __start_cyl_needs; one < __stop_cyl_needs; one++) {
        int (*need)(void) = (int (*)(void)) ((const char *) one + one->need);
        if (need() < 0) return -1;
    }
    return 0;
}

#endif
