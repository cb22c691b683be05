/* Typed memoryviews: counting of acquisitions, and Cython's functions that take slices by value.

   All of these may be called with or without the GIL. */

/* A slice of `memview` came into being; null and None are not counted. */
void cyl_memview_acquire(struct __pyx_memoryview_obj *memview) {
    __Pyx_memviewslice slice;
    slice.memview = memview;
    __Pyx_INC_MEMVIEW(&slice, 0, 0);
}

/* A slice of `memview` went away. */
void cyl_memview_release(struct __pyx_memoryview_obj *memview) {
    __Pyx_memviewslice slice;
    slice.memview = memview;
    slice.data = NULL;
    __Pyx_XCLEAR_MEMVIEW(&slice, 0, 0);
}

/* The slice as an object; a new reference. */
PyObject *cyl_memview_object(const __Pyx_memviewslice *slice, int ndim, void *to_object, void *from_object,
                             int of_objects) {
    return __pyx_memoryview_fromslice(*slice, ndim, (PyObject *(*)(char *)) to_object,
                                      (int (*)(char *, PyObject *)) from_object, of_objects);
}

/* Copies the contents; -1 with an exception. */
int cyl_memview_copy_contents(const __Pyx_memviewslice *from, const __Pyx_memviewslice *to, int from_ndim,
                              int to_ndim, int of_objects) {
    return __pyx_memoryview_copy_contents(*from, *to, from_ndim, to_ndim, of_objects);
}

/* Whether the slice is contiguous in 'C' or 'F' order. */
int cyl_memview_is_contig(const __Pyx_memviewslice *slice, int order, int ndim) {
    return __pyx_memviewslice_is_contig(*slice, (char) order, ndim);
}

/* `<type[:n]> pointer`: an array object over the memory, for items that are no structs. */
PyObject *cyl_array_from_pointer(const __Pyx_TypeInfo *type, void *data, int ndim, const Py_ssize_t *extents,
                                 const char *mode) {
    struct __pyx_typeinfo_string format;
    PyObject *shape, *made;
    if (!data) {
        PyErr_SetString(PyExc_ValueError, "Cannot create cython.array from NULL pointer");
        return NULL;
    }
    shape = PyTuple_New(ndim);
    if (!shape) return NULL;
    for (int i = 0; i < ndim; i++) {
        PyObject *extent = PyLong_FromSsize_t(extents[i]);
        if (!extent) {
            Py_DECREF(shape);
            return NULL;
        }
        PyTuple_SET_ITEM(shape, i, extent);
    }
    format = __Pyx_TypeInfoToFormat(type);
    made = (PyObject *) __pyx_array_new(shape, (Py_ssize_t) type->size, format.string, (char *) mode, (char *) data);
    Py_DECREF(shape);
    return made;
}
