/* Memoryview code that several libraries have in common: the module that `cython --shared` names.  Its types
   take the place of the library's own; Cython of one version makes the same of them in either. */

#ifdef CYL_STATIC

static int cyl_shared_type(PyTypeObject **type, void **vtable, const char *name, size_t size, size_t align) {
    return cyl_class_import(type, (void ***) vtable, cyl_shared_utility, name, (int64_t) size, (int64_t) align,
                            (int32_t) CYL_VERSIONED(__Pyx_ImportType_CheckSize_Warn));
}

#define CYL_SHARED_TYPE(type, vtable, name, structure) \
    cyl_shared_type(&CYL_STATE.type, (void **) &vtable, name, sizeof(struct structure), _Alignof(struct structure))

/* The objects that stand for the layouts of dimensions. */
static int cyl_shared_layouts(void) {
    const struct { PyObject **place; const char *name; } layouts[] = {
        {&generic, "generic"}, {&strided, "strided"}, {&indirect, "indirect"},
        {&contiguous, "contiguous"}, {&indirect_contiguous, "indirect_contiguous"},
    };
    if (indirect_contiguous) return 0;
    PyObject *module = PyImport_ImportModule(cyl_shared_utility);
    int failed = !module;
    for (size_t i = 0; !failed && i < sizeof layouts / sizeof *layouts; i++) {
        PyObject **found;
        failed = cyl_import_variable(module, layouts[i].name, (void **) &found, "PyObject *") < 0;
        if (!failed) *layouts[i].place = Py_NewRef(*found);
    }
    Py_XDECREF(module);
    return failed ? -1 : 0;
}

static int cyl_shared_views(void) {
    return CYL_SHARED_TYPE(__pyx_array_type, __pyx_vtabptr_array, "array", __pyx_array_obj) < 0
        || CYL_SHARED_TYPE(__pyx_memoryview_type, __pyx_vtabptr_memoryview, "memoryview",
                           __pyx_memoryview_obj) < 0
        || CYL_SHARED_TYPE(__pyx_memoryviewslice_type, __pyx_vtabptr__memoryviewslice, "_memoryviewslice",
                           __pyx_memoryviewslice_obj) < 0
        || cyl_shared_layouts() < 0 ? -1 : 0;
}

#endif

/* Imports what the library uses of them, in its place among what the module imports: after its own
   extension types. */
int cyl_shared_types(void) {
#ifdef CYL_STATIC
    int (*views)(void) = cyl_later_views, (*layouts)(void) = cyl_later_layouts;
    if (views && views() < 0) return -1;
    if (layouts && layouts() < 0) return -1;
#endif
    return 0;
}
