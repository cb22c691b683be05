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
    if (from_ndim == 1 && to_ndim == 1 && !of_objects) {
        /* Rows of numbers that lie side by side: whether they overlap does not matter then. */
        Py_ssize_t size = from->memview->view.itemsize;
        if (likely(from->shape[0] == to->shape[0] && from->strides[0] == size && to->strides[0] == size
                   && from->suboffsets[0] < 0 && to->suboffsets[0] < 0)) {
            memmove(to->data, from->data, (size_t) (from->shape[0] * size));
            return 0;
        }
    }
    return __pyx_memoryview_copy_contents(*from, *to, from_ndim, to_ndim, of_objects);
}

/* Whether the slice is contiguous in 'C' or 'F' order. */
int cyl_memview_is_contig(const __Pyx_memviewslice *slice, int order, int ndim) {
    return __pyx_memviewslice_is_contig(*slice, (char) order, ndim);
}

/* The format of items of a type: of structs, and with the extents of arrays. */
static PyObject *cyl_item_format(const __Pyx_TypeInfo *type) {
    struct __pyx_typeinfo_string plain;
    PyObject *made;
    if (type->typegroup == 'S') {
        const char *align = type->flags & __PYX_BUF_FLAGS_PACKED_STRUCT ? "^" : "";
        made = PyBytes_FromString("T{");
        for (const __Pyx_StructField *field = type->fields; made && field->type; field++) {
            PyObject *part = cyl_item_format(field->type);
            if (!part) Py_CLEAR(made);
            else PyBytes_ConcatAndDel(&made, PyBytes_FromFormat("%s%s:%s:", align, PyBytes_AS_STRING(part), field->name));
            Py_XDECREF(part);
        }
        if (made) PyBytes_ConcatAndDel(&made, PyBytes_FromString("}"));
        return made;
    }
    plain = __Pyx_TypeInfoToFormat(type);
    if (!type->arraysize[0]) return PyBytes_FromString(plain.string);
    made = PyBytes_FromString("(");
    for (int i = 0; made && i < type->ndim; i++)
        PyBytes_ConcatAndDel(&made, PyBytes_FromFormat(i ? ",%zu" : "%zu", type->arraysize[i]));
    if (made) PyBytes_ConcatAndDel(&made, PyBytes_FromFormat(")%s", plain.string));
    return made;
}

/* `<type[:n]> pointer`: an array object over the memory. */
PyObject *cyl_array_from_pointer(const __Pyx_TypeInfo *type, Py_ssize_t size, void *data, int ndim,
                                 const Py_ssize_t *extents, const char *mode) {
    PyObject *shape, *format, *made;
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
    format = cyl_item_format(type);
    made = format ? (PyObject *) __pyx_array_new(shape, size, PyBytes_AS_STRING(format), (char *) mode, (char *) data)
                  : NULL;
    Py_XDECREF(format);
    Py_DECREF(shape);
    return made;
}
