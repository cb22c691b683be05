/* Containers: iteration, unpacking, merging, joining; what codegen/src/lower calls for them. */

/* Starts a loop over an object.  Lists and tuples go by index, from 0; others by an iterator, with
   the index -1 and the function for the next item. */
PyObject *cyl_iterate(PyObject *source, Py_ssize_t *index, iternextfunc *next) {
    *next = NULL;
    if (PyList_CheckExact(source) || PyTuple_CheckExact(source)) {
        *index = 0;
        return Py_NewRef(source);
    }
    *index = -1;
    PyObject *iterator = PyObject_GetIter(source);
    if (unlikely(!iterator)) return NULL;
    *next = __Pyx_PyObject_GetIterNextFunc(iterator);
    if (unlikely(!*next)) Py_CLEAR(iterator);
    return iterator;
}

static int cyl_unpack_failed(PyObject **out, Py_ssize_t count) {
    while (count > 0) {
        count--;
        Py_CLEAR(out[count]);
    }
    return -1;
}

static int cyl_unpack_next(PyObject *iterator, iternextfunc next, Py_ssize_t count, PyObject **out) {
    for (Py_ssize_t index = 0; index < count; index++) {
        out[index] = next(iterator);
        if (unlikely(!out[index])) {
            cyl_unpack_failed(out, index);
            if (__Pyx_IterFinish() == 0) __Pyx_RaiseNeedMoreValuesError(index);
            return -1;
        }
    }
    return 0;
}

/* The items of an object that must have exactly so many.  0, or -1 with an exception.  Takes the object over:
   it is given back before its iterator is asked for items. */
int cyl_unpack(PyObject *source, Py_ssize_t count, PyObject **out) {
    int tuple = PyTuple_CheckExact(source);
    if (tuple || PyList_CheckExact(source)) {
        Py_ssize_t size = Py_SIZE(source);
        if (unlikely(size != count)) {
            if (size > count) __Pyx_RaiseTooManyValuesError(count);
            else __Pyx_RaiseNeedMoreValuesError(size);
            Py_DECREF(source);
            return -1;
        }
        PyObject **items = tuple ? ((PyTupleObject *) source)->ob_item
                                 : ((PyListObject *) source)->ob_item;
#pragma clang loop vectorize(disable) unroll(disable)
        for (Py_ssize_t index = 0; index < count; index++) out[index] = Py_NewRef(items[index]);
        Py_DECREF(source);
        return 0;
    }
    if (unlikely(source == Py_None)) {
        __Pyx_RaiseNoneNotIterableError();
        Py_DECREF(source);
        return -1;
    }
    PyObject *iterator = PyObject_GetIter(source);
    Py_DECREF(source);
    if (unlikely(!iterator)) return -1;
    iternextfunc next = __Pyx_PyObject_GetIterNextFunc(iterator);
    int status = cyl_unpack_next(iterator, next, count, out);
    if (likely(status == 0) && unlikely(__Pyx_IternextUnpackEndCheck(next(iterator), count) < 0)) {
        status = cyl_unpack_failed(out, count);
    }
    Py_DECREF(iterator);
    return status;
}

/* The same with a starred target: `left` items, a list of what lies between, `right` items.  Takes the object
   over too. */
int cyl_unpack_starred(PyObject *source, Py_ssize_t left, Py_ssize_t right, PyObject **out) {
    PyObject *list;
    if (left) {
        PyObject *iterator = PyObject_GetIter(source);
        Py_DECREF(source);
        if (unlikely(!iterator)) return -1;
        iternextfunc next = __Pyx_PyObject_GetIterNextFunc(iterator);
        int status = cyl_unpack_next(iterator, next, left, out);
        list = likely(status == 0) ? PySequence_List(iterator) : NULL;
        Py_DECREF(iterator);
        if (unlikely(status < 0)) return -1;
    } else {
        list = PySequence_List(source);
        Py_DECREF(source);
    }
    if (unlikely(!list)) return cyl_unpack_failed(out, left);
    Py_ssize_t length = PyList_GET_SIZE(list);
    if (unlikely(length < right)) {
        __Pyx_RaiseNeedMoreValuesError(left + length);
        Py_DECREF(list);
        return cyl_unpack_failed(out, left);
    }
    out[left] = list;
    for (Py_ssize_t index = 0; index < right; index++) {
        out[left + 1 + index] = Py_NewRef(PyList_GET_ITEM(list, length - right + index));
    }
    if (right && unlikely(PyList_SetSlice(list, length - right, length, NULL) < 0)) {
        return cyl_unpack_failed(out, left + 1 + right);
    }
    return 0;
}

/* A new dict of what comes first in a merge. */
PyObject *cyl_merge_start(PyObject *source) {
    if (PyDict_CheckExact(source)) return PyDict_Copy(source);
    return __Pyx_PyObject_CallOneArg((PyObject *) &PyDict_Type, source);
}

/* Adds a mapping to a dict as `**mapping` does. */
int cyl_dict_update(PyObject *dict, PyObject *mapping) {
    if (likely(PyDict_Update(dict, mapping) >= 0)) return 0;
    if (PyErr_ExceptionMatches(PyExc_AttributeError)) __Pyx_RaiseMappingExpectedError(mapping);
    return -1;
}

/* Adds a keyword argument that must be new. */
int cyl_add_keyword(PyObject *dict, PyObject *key, PyObject *value) {
    if (unlikely(PyDict_Contains(dict, key))) {
        if (!PyErr_Occurred()) __Pyx_RaiseDoubleKeywordsError("function", key);
        return -1;
    }
    return PyDict_SetItem(dict, key, value);
}

/* Strings one after the other: an f-string. */
PyObject *cyl_join_strings(PyObject **values, Py_ssize_t count) {
    Py_ssize_t length = 0;
    int kind = 0;
    for (Py_ssize_t index = 0; index < count; index++) {
        length += PyUnicode_GET_LENGTH(values[index]);
        kind |= __Pyx_PyUnicode_KIND_04(values[index]);
    }
    return __Pyx_PyUnicode_Join(values, count, length, kind);
}

/* `!s`, `!r`, `!a` or `%d` of a value, then its format. */
PyObject *cyl_format_converted(PyObject *value, int conversion, PyObject *spec) {
    PyObject *made = conversion == 's' ? PyObject_Str(value)
                   : conversion == 'r' ? PyObject_Repr(value)
                   : conversion == 'a' ? PyObject_ASCII(value)
                                       : __Pyx_PyNumber_Long(value);
    if (spec) return __Pyx_PyObject_FormatAndDecref(made, spec);
    return __Pyx_PyObject_FormatSimpleAndDecref(made, __pyx_mstate_global->__pyx_empty_unicode);
}

PyObject *cyl_format_simple(PyObject *value) {
    return __Pyx_PyObject_FormatSimple(value, __pyx_mstate_global->__pyx_empty_unicode);
}

/* A method of a built-in type, found once and kept where `cache` is. */
struct cyl_unbound {
    __Pyx_CachedCFunction function;
    PyObject *name;
};

static __Pyx_CachedCFunction *cyl_unbound_of(struct cyl_unbound *cache, PyObject *type, PyObject *name) {
    if (unlikely(!cache->function.type)) {
        cache->name = Py_NewRef(name);
        cache->function.method_name = &cache->name;
        cache->function.type = type;
    }
    return &cache->function;
}

/* What the method's descriptor says of None, which variables of all types may be: Cython's code calls the
   C function with it once the method has been found, and crashes. */
static __attribute__((noinline, cold)) PyObject *cyl_unbound_of_none(PyObject *type, PyObject *name) {
    PyObject *method = PyObject_GetAttr(type, name);
    PyObject *result = method ? PyObject_CallOneArg(method, Py_None) : NULL;
    Py_XDECREF(method);
    return result;
}

PyObject *cyl_call_unbound0(struct cyl_unbound *cache, PyObject *type, PyObject *name, PyObject *self) {
    if (unlikely(self == Py_None)) return cyl_unbound_of_none(type, name);
    return __Pyx_CallUnboundCMethod0(cyl_unbound_of(cache, type, name), self);
}

PyObject *cyl_call_unbound1(struct cyl_unbound *cache, PyObject *type, PyObject *name, PyObject *self,
                            PyObject *a) {
    if (unlikely(self == Py_None)) return cyl_unbound_of_none(type, name);
    return __Pyx_CallUnboundCMethod1(cyl_unbound_of(cache, type, name), self, a);
}

PyObject *cyl_call_unbound2(struct cyl_unbound *cache, PyObject *type, PyObject *name, PyObject *self,
                            PyObject *a, PyObject *b) {
    if (unlikely(self == Py_None)) return cyl_unbound_of_none(type, name);
    return __Pyx_CallUnboundCMethod2(cyl_unbound_of(cache, type, name), self, a, b);
}

/* A list that nobody else has yet, sorted. */
PyObject *cyl_sorted_keys(PyObject *source) {
    PyObject *keys = PyDict_Check(source) ? PyDict_Keys(source)
                                          : PyObject_CallMethod(source, "keys", NULL);
    if (keys && !PyList_Check(keys)) Py_SETREF(keys, PySequence_List(keys));
    if (keys && PyList_Sort(keys) < 0) Py_CLEAR(keys);
    return keys;
}

/* The check of the length when a slice of a C array is assigned to. */
int cyl_slice_length(Py_ssize_t expected, Py_ssize_t got) {
    if (likely(expected == got)) return 0;
    PyErr_Format(PyExc_ValueError, "Assignment to slice of wrong length, expected %zd, got %zd",
                 expected, got);
    return -1;
}

/* A new list or tuple of the items, so many times over. */
PyObject *cyl_repeat(PyObject **items, Py_ssize_t count, Py_ssize_t times, int tuple) {
    if (times < 0) times = 0;
    if (unlikely(count && times > PY_SSIZE_T_MAX / (Py_ssize_t) sizeof(PyObject *) / count)) {
        return PyErr_NoMemory();
    }
    PyObject *made = tuple ? PyTuple_New(count * times) : PyList_New(count * times);
    if (unlikely(!made)) return NULL;
    PyObject **to = tuple ? ((PyTupleObject *) made)->ob_item : ((PyListObject *) made)->ob_item;
    for (Py_ssize_t round = 0; round < times; round++) {
        for (Py_ssize_t index = 0; index < count; index++) *to++ = Py_NewRef(items[index]);
    }
    return made;
}

/* Two strings, or None, which the operator refuses. */
PyObject *cyl_concat(PyObject *left, PyObject *right, int inplace) {
    if (unlikely(left == Py_None || right == Py_None)) {
        return inplace ? PyNumber_InPlaceAdd(left, right) : PyNumber_Add(left, right);
    }
    return PyUnicode_Concat(left, right);
}

/* The same where the left one is given away. */
PyObject *cyl_concat_owned(PyObject *left, PyObject *right, int inplace) {
    if (likely(PyUnicode_CheckExact(left) && PyUnicode_CheckExact(right))) {
        PyUnicode_Append(&left, right);
        return left;
    }
    PyObject *made = cyl_concat(left, right, inplace);
    Py_DECREF(left);
    return made;
}

/* The same for a variable at a place that owns its string, which is `left`: the place has the result then, or,
   with an exception and -1, what it had.  It is not `left` where the right side has assigned to the variable. */
int cyl_concat_grow(PyObject **place, PyObject *left, PyObject *right) {
    PyObject *old, *made;
    if (likely(*place == left && PyUnicode_CheckExact(left) && PyUnicode_CheckExact(right))) {
        made = __Pyx_PyUnicode_ConcatInPlaceImpl(place, right, 0);
    } else {
        made = cyl_concat(left, right, 1);
    }
    if (unlikely(!made)) return -1;
    old = *place;
    *place = made;
    Py_DECREF(old);
    return 0;
}

/* `pop(index)` of a list or of any object; py_index is None where it was a C integer. */
PyObject *cyl_pop_index(PyObject *source, PyObject *py_index, Py_ssize_t index, int list) {
    if (list || PyList_CheckExact(source)) return __Pyx__PyList_PopIndex(source, py_index, index);
    if (py_index == Py_None) return __Pyx__PyObject_PopNewIndex(source, PyLong_FromSsize_t(index));
    return __Pyx__PyObject_PopIndex(source, py_index);
}
