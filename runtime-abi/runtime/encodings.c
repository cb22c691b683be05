/* C strings to and from objects where the directive c_string_encoding says ascii or utf8. */

static PyObject *cyl_sized(const char *text, PyObject *(*make)(const char *, Py_ssize_t, const char *)) {
    Py_ssize_t length = __Pyx_ssize_strlen(text);
    return length < 0 ? NULL : make(text, length, NULL);
}

PyObject *cyl_unicode_from_size_ascii(const char *text, int64_t length) {
    return PyUnicode_DecodeASCII(text, length, NULL);
}

PyObject *cyl_unicode_from_size_utf8(const char *text, int64_t length) {
    return PyUnicode_DecodeUTF8(text, length, NULL);
}

PyObject *cyl_unicode_from_string_ascii(const char *text) { return cyl_sized(text, PyUnicode_DecodeASCII); }

PyObject *cyl_unicode_from_string_utf8(const char *text) { return cyl_sized(text, PyUnicode_DecodeUTF8); }

const char *cyl_object_as_string_and_size_ascii(PyObject *object, Py_ssize_t *length) {
    if (!PyUnicode_Check(object)) return __Pyx_PyObject_AsStringAndSize(object, length);
    if (!PyUnicode_IS_ASCII(object)) {
        PyUnicode_AsASCIIString(object); /* raises */
        return NULL;
    }
    *length = PyUnicode_GET_LENGTH(object);
    return PyUnicode_AsUTF8(object);
}

const char *cyl_object_as_string_and_size_utf8(PyObject *object, Py_ssize_t *length) {
    if (!PyUnicode_Check(object)) return __Pyx_PyObject_AsStringAndSize(object, length);
    return PyUnicode_AsUTF8AndSize(object, length);
}

const char *cyl_object_as_string_ascii(PyObject *object) {
    Py_ssize_t ignored;
    return cyl_object_as_string_and_size_ascii(object, &ignored);
}

const char *cyl_object_as_string_utf8(PyObject *object) {
    Py_ssize_t ignored;
    return cyl_object_as_string_and_size_utf8(object, &ignored);
}
