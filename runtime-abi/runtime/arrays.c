/* Objects as typed memoryviews, in the short way for numpy's arrays.

   A slice of an array needs an object of Cython's memoryview type, as any other does.  For an array of
   numpy's own type it is made here from the array's fields, without the buffer that numpy would set up
   for it anew; it says what that buffer would.  Whatever is not plain is left to Cython's own code, and
   so is every error. */

/* The fields of numpy's arrays and the first ones of its dtypes, whose places are part of its ABI. */
typedef struct {
    PyObject_HEAD
    char *data;
    int nd;
    Py_ssize_t *dimensions, *strides;
    PyObject *base;
    struct {
        PyObject_HEAD
        PyTypeObject *scalar;
        char kind, letter, byteorder, unused;
        int number;
    } *dtype;
    int flags;
} cyl_array;

enum { CYL_ARRAY_C = 1, CYL_ARRAY_F = 2, CYL_ARRAY_ALIGNED = 0x100, CYL_ARRAY_WRITEABLE = 0x400 };
#define CYL_ARRAY_WARNS (1u << 31)

/* Numpy's plain numbers by their dtype's number: format, size, and group as in `__Pyx_TypeInfo`. */
static const struct {
    char format[3], group;
    uint8_t size;
} cyl_array_items[] = {
    {"", 0, 0},
    {"b", 'I', sizeof(signed char)},
    {"B", 'U', sizeof(char)},
    {"h", 'I', sizeof(short)},
    {"H", 'U', sizeof(short)},
    {"i", 'I', sizeof(int)},
    {"I", 'U', sizeof(int)},
    {"l", 'I', sizeof(long)},
    {"L", 'U', sizeof(long)},
    {"q", 'I', sizeof(long long)},
    {"Q", 'U', sizeof(long long)},
    {"f", 'R', sizeof(float)},
    {"d", 'R', sizeof(double)},
    {"g", 'R', sizeof(long double)},
    {"Zf", 'C', 2 * sizeof(float)},
    {"Zd", 'C', 2 * sizeof(double)},
    {"Zg", 'C', 2 * sizeof(long double)},
};

enum { CYL_ARRAY_ITEMS = sizeof cyl_array_items / sizeof cyl_array_items[0] };

/* numpy.ndarray, and a type that bears its name and is another one; borrowed, as static types are. */
static PyTypeObject *cyl_numpy_type, *cyl_no_numpy_type;

static __attribute__((noinline)) int cyl_learn_numpy(PyTypeObject *type) {
    PyObject *numpy, *found, *kind, *value, *traceback;
    if (cyl_numpy_type || type == cyl_no_numpy_type || strcmp(type->tp_name, "numpy.ndarray")) return 0;
    PyErr_Fetch(&kind, &value, &traceback);
    numpy = PyDict_GetItemString(PyImport_GetModuleDict(), "numpy"); /* borrowed */
    found = numpy ? PyObject_GetAttrString(numpy, "ndarray") : NULL;
    if (found == (PyObject *) type && !(type->tp_flags & Py_TPFLAGS_HEAPTYPE)
            && type->tp_basicsize >= (Py_ssize_t) sizeof(cyl_array)
            && type->tp_as_buffer && type->tp_as_buffer->bf_getbuffer && !type->tp_as_buffer->bf_releasebuffer) {
        cyl_numpy_type = type;
    } else {
        cyl_no_numpy_type = type;
    }
    Py_XDECREF(found);
    PyErr_Restore(kind, value, traceback);
    return cyl_numpy_type != NULL;
}

static inline int cyl_is_array(PyObject *o) {
    return likely(Py_TYPE(o) == cyl_numpy_type) || cyl_learn_numpy(Py_TYPE(o));
}

/* ---------------------------------------------------------------- memoryview objects */

/* A memoryview object with room for what its buffer says about eight dimensions.  `_unused` of such a
   one points to itself. */
typedef struct {
    struct __pyx_memoryview_obj view;
    Py_ssize_t shape[8], strides[8];
} cyl_wide_view;

/* Of their size; objects are made with it and are memoryviews before anything sees them. */
static PyTypeObject cyl_wide_view_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "cython_llvm.view",
    .tp_basicsize = sizeof(cyl_wide_view),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
};

enum { CYL_FREE_VIEWS = 16 };
static cyl_wide_view *cyl_free_views[CYL_FREE_VIEWS];
static int cyl_free_view_count;

/* Not tracked by the collector yet; NULL with an exception. */
static inline cyl_wide_view *cyl_new_view(void) {
    cyl_wide_view *made;
    if (likely(cyl_free_view_count)) {
        made = cyl_free_views[--cyl_free_view_count];
        Py_SET_REFCNT((PyObject *) made, 1);
        return made;
    }
    made = PyObject_GC_New(cyl_wide_view, &cyl_wide_view_type);
    if (unlikely(!made)) return NULL;
    memset((char *) made + sizeof(PyObject), 0, sizeof *made - sizeof(PyObject));
    Py_SET_TYPE((PyObject *) made, __pyx_mstate_global->__pyx_memoryview_type);
    made->view.__pyx_vtab = __pyx_vtabptr_memoryview;
    made->view._unused = made;
    made->view.view.shape = made->shape;
    made->view.view.strides = made->strides;
    return made;
}

/* The last reference to a memoryview that a slice held is given up. */
static inline void cyl_drop_view(struct __pyx_memoryview_obj *view) {
    PyObject *obj, *size;
    Py_buffer buffer;
    if (Py_REFCNT((PyObject *) view) != 1 || view->_unused != (void *) view || cyl_free_view_count == CYL_FREE_VIEWS) {
        Py_DECREF((PyObject *) view);
        return;
    }
    PyObject_GC_UnTrack((PyObject *) view);
    obj = view->obj;
    size = view->_size;
    buffer = view->view;
    view->obj = view->_size = view->view.obj = NULL;
    view->view.shape = ((cyl_wide_view *) view)->shape;
    view->view.strides = ((cyl_wide_view *) view)->strides;
    view->view.internal = NULL;
    cyl_free_views[cyl_free_view_count++] = (cyl_wide_view *) view;
    PyBuffer_Release(&buffer);
    Py_XDECREF(obj);
    Py_XDECREF(size);
}

/* A slice of `memview` went away, with the GIL held; null and None are nothing. */
void cyl_memview_release_gil(struct __pyx_memoryview_obj *memview) {
    __Pyx_memviewslice slice;
    if (unlikely(!memview || (PyObject *) memview == Py_None)) return;
    /* The only one: nobody is left who could count another one meanwhile. */
    if (likely(__atomic_load_n((int *) &memview->acquisition_count, __ATOMIC_ACQUIRE) == 1)) {
        __atomic_store_n((int *) &memview->acquisition_count, 0, __ATOMIC_RELAXED);
        cyl_drop_view(memview);
        return;
    }
    slice.memview = memview;
    slice.data = NULL;
    __Pyx_XCLEAR_MEMVIEW(&slice, 1, 0);
}

/* ---------------------------------------------------------------- arrays */

/* Whether items that an array holds are those of a slice, as Cython's check of formats has it. */
static inline int cyl_same_items(int number, const __Pyx_TypeInfo *dtype) {
    char group = cyl_array_items[number].group;
    if (dtype->size != cyl_array_items[number].size || dtype->ndim) return 0;
    return dtype->typegroup == group || (dtype->typegroup == 'H' && dtype->size == 1);
}

/* A slice of an array: 1, or 0 where the array is no plain one, or has not what is asked for; -1 with
   an exception where there is no memory. */
static inline int cyl_slice_of_array(const int *axes, int order, int flags, int ndim, const __Pyx_TypeInfo *dtype,
                                     __Pyx_memviewslice *out, PyObject *o) {
    const cyl_array *array = (const cyl_array *) o;
    unsigned number = (unsigned) array->dtype->number;
    int wanted = CYL_ARRAY_ALIGNED | (flags & PyBUF_WRITABLE ? CYL_ARRAY_WRITEABLE : 0)
        | (order & __Pyx_IS_C_CONTIG ? CYL_ARRAY_C : order & __Pyx_IS_F_CONTIG ? CYL_ARRAY_F : 0);
    Py_ssize_t step, *shape, *strides;
    cyl_wide_view *made;
    Py_buffer *view;
    if (unlikely(array->nd != ndim || number >= CYL_ARRAY_ITEMS
            || (array->dtype->byteorder != '=' && array->dtype->byteorder != '|')
            || (array->flags & wanted) != wanted || ((unsigned) array->flags & CYL_ARRAY_WARNS)
            || !cyl_same_items((int) number, dtype))) return 0;
    if (!order) {
        for (int i = 0; i < ndim; i++) {
            if (unlikely(axes[i] != (__Pyx_MEMVIEW_DIRECT | __Pyx_MEMVIEW_STRIDED))) return 0;
        }
    }
    made = cyl_new_view();
    if (unlikely(!made)) return -1;
    shape = made->shape;
    strides = made->strides;
    step = (Py_ssize_t) dtype->size;
    /* As numpy fills its buffers: where the array is contiguous, by its extents alone. */
    if (likely(array->flags & CYL_ARRAY_C)
            && !((flags & PyBUF_F_CONTIGUOUS) == PyBUF_F_CONTIGUOUS && (array->flags & CYL_ARRAY_F))) {
        for (int i = ndim - 1; i >= 0; i--) {
            shape[i] = array->dimensions[i];
            strides[i] = step;
            step *= shape[i];
        }
    } else if (array->flags & CYL_ARRAY_F) {
        for (int i = 0; i < ndim; i++) {
            shape[i] = array->dimensions[i];
            strides[i] = step;
            step *= shape[i];
        }
    } else {
        for (int i = 0; i < ndim; i++) {
            shape[i] = array->dimensions[i];
            strides[i] = array->strides[i];
            step *= shape[i];
        }
    }
    for (int i = 0; i < ndim; i++) {
        out->shape[i] = shape[i];
        out->strides[i] = strides[i];
        out->suboffsets[i] = -1;
    }
    out->memview = &made->view;
    out->data = array->data;
    made->view.obj = Py_NewRef(o);
    made->view._size = Py_NewRef(Py_None);
    made->view.flags = flags;
    made->view.typeinfo = dtype;
    __atomic_store_n((int *) &made->view.acquisition_count, 1, __ATOMIC_RELAXED);
    view = &made->view.view;
    view->buf = array->data;
    view->obj = Py_NewRef(o);
    view->len = step;
    view->itemsize = (Py_ssize_t) dtype->size;
    view->readonly = !(array->flags & CYL_ARRAY_WRITEABLE);
    view->ndim = ndim;
    view->format = (char *) cyl_array_items[number].format;
    PyObject_GC_Track((PyObject *) made);
    return 1;
}

/* ---------------------------------------------------------------- bytes, bytearray, memoryview, array.array */

/* What gives out the buffers of array.array; the function stays where the type may go. */
static getbufferproc cyl_array_getbuffer;

static __attribute__((noinline)) int cyl_learn_array(PyTypeObject *type) {
    PyObject *module, *found, *kind, *value, *traceback;
    if (cyl_array_getbuffer || strcmp(type->tp_name, "array.array")) return 0;
    PyErr_Fetch(&kind, &value, &traceback);
    module = PyDict_GetItemString(PyImport_GetModuleDict(), "array"); /* borrowed */
    found = module ? PyObject_GetAttrString(module, "array") : NULL;
    if (found == (PyObject *) type && PyType_HasFeature(type, Py_TPFLAGS_IMMUTABLETYPE))
        cyl_array_getbuffer = type->tp_as_buffer->bf_getbuffer;
    Py_XDECREF(found);
    PyErr_Restore(kind, value, traceback);
    return cyl_array_getbuffer != NULL;
}

/* Whether asking an object for its buffer shows nowhere: it may then be asked once more. */
static inline int cyl_is_buffer(PyObject *o) {
    PyBufferProcs *procs = Py_TYPE(o)->tp_as_buffer;
    getbufferproc get = procs ? procs->bf_getbuffer : NULL;
    if (!get) return 0;
    return get == cyl_array_getbuffer || get == PyBytes_Type.tp_as_buffer->bf_getbuffer
        || get == PyByteArray_Type.tp_as_buffer->bf_getbuffer || get == PyMemoryView_Type.tp_as_buffer->bf_getbuffer
        || cyl_learn_array(Py_TYPE(o));
}

/* The number of a plain native format, as numpy has it; 0 for others. */
static inline int cyl_format_number(const char *format) {
    static const char letters[] = "?bBhHiIlLqQfd";
    const char *found;
    if (!format || !format[0] || format[1]) return 0;
    found = strchr(letters + 1, format[0]);
    return found ? (int) (found - letters) : 0;
}

/* A slice of an object with one dimension of items side by side: 1, or 0 where it is not that, or not what is
   asked for; -1 with an exception where there is no memory. */
static inline int cyl_slice_of_buffer(const int *axes, int flags, int ndim, const __Pyx_TypeInfo *dtype,
                                      __Pyx_memviewslice *out, PyObject *o) {
    cyl_wide_view *made;
    Py_buffer *view;
    int number;
    if (ndim != 1 || !(axes[0] & __Pyx_MEMVIEW_DIRECT)) return 0;
    made = cyl_new_view();
    if (unlikely(!made)) return -1;
    view = &made->view.view;
    if (unlikely(PyObject_GetBuffer(o, view, flags) < 0)) {
        PyErr_Clear();
        view->obj = NULL;
    } else {
        number = cyl_format_number(view->format);
        if (likely(number && view->ndim == 1 && view->shape && !view->suboffsets && cyl_same_items(number, dtype)
                   && view->itemsize == (Py_ssize_t) dtype->size
                   && (!view->strides || view->strides[0] == view->itemsize))) {
            out->shape[0] = view->shape[0];
            out->strides[0] = view->itemsize;
            out->suboffsets[0] = -1;
            out->memview = &made->view;
            out->data = (char *) view->buf;
            made->view.obj = Py_NewRef(o);
            made->view._size = Py_NewRef(Py_None);
            made->view.flags = flags;
            made->view.typeinfo = dtype;
            __atomic_store_n((int *) &made->view.acquisition_count, 1, __ATOMIC_RELAXED);
            PyObject_GC_Track((PyObject *) made);
            return 1;
        }
    }
    PyObject_GC_Track((PyObject *) made);
    cyl_drop_view(&made->view);
    return 0;
}

void cyl_slice_match(__Pyx_memviewslice *out, const void *axes, int order, int flags, int ndim, const void *dtype,
                     PyObject *o); /*proto*/

/* An object as a slice; a null memoryview, and an exception, where it is none. */
void cyl_slice_take(__Pyx_memviewslice *out, const void *axes, int order, int flags, int ndim, const void *dtype,
                    PyObject *o) {
    int done = 0;
    if (cyl_is_array(o)) {
        done = cyl_slice_of_array((const int *) axes, order, flags, ndim, (const __Pyx_TypeInfo *) dtype, out, o);
        if (likely(done > 0)) return;
    } else if (cyl_is_buffer(o)) {
        done = cyl_slice_of_buffer((const int *) axes, flags, ndim, (const __Pyx_TypeInfo *) dtype, out, o);
        if (likely(done > 0)) return;
    }
    memset(out, 0, sizeof *out);
    if (o == Py_None) {
        out->memview = (struct __pyx_memoryview_obj *) Py_None;
    } else if (done == 0) {
        cyl_slice_match(out, axes, order, flags, ndim, dtype, o);
    }
}
