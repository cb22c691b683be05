/* Arguments of `def` functions: positional and keyword, with Cython's own messages. */

struct cyl_parameters {
    const char *name;             /* the function's */
    PyObject ***keywords;         /* places of the names that may be keywords; ends with a null */
    /* `star`: 1 where `*args` is a new tuple, 2 where it is the call's own.  `star_star`: 2 where nothing
       reads `**kwargs`, of a function with no other parameters than such. */
    int32_t positional_only, positional, required, keyword_only, star, star_star;
    const uint8_t *keyword_required; /* one flag for each keyword-only parameter */
};

void cyl_release_arguments(PyObject **values, int64_t count) {
    for (int64_t i = 0; i < count; i++) Py_XDECREF(values[i]);
}

static int cyl_count_error(const struct cyl_parameters *p, Py_ssize_t given) {
    int exact = p->required == p->positional && !p->star;
    if (given > p->required) given = given < p->positional ? p->required : given;
    __Pyx_RaiseArgtupleInvalid(p->name, exact, p->required, p->positional, given);
    return -1;
}

/* An argument of a vectorcall, by a load of its own: the caller has just stored it alone, and a load of
   two at once would have to wait for both stores. */
PyObject *cyl_argument(PyObject *const *args, int64_t index) {
    return __atomic_load_n(args + index, __ATOMIC_RELAXED);
}

/* What most calls come to: no more than the parameters, and names that are the very objects of the module's.
   Fills `values` with borrowed references, which the caller has as long as the call lasts.  0 where there is
   more to find out, an error maybe. */
static int cyl_bind_arguments(const struct cyl_parameters *p, PyObject *const *args, Py_ssize_t nargs,
                              PyObject *names, PyObject **values) {
    Py_ssize_t total = (Py_ssize_t) p->positional + p->keyword_only;
    if (nargs > p->positional) return 0;
#pragma clang loop vectorize(disable) unroll(disable)
    for (Py_ssize_t i = 0; i < nargs; i++) values[i] = args[i];
#pragma clang loop vectorize(disable) unroll(disable)
    for (Py_ssize_t i = nargs; i < total; i++) values[i] = NULL;
    if (names) {
        Py_ssize_t count = PyTuple_GET_SIZE(names);
        Py_ssize_t used = nargs > p->positional_only ? nargs - p->positional_only : 0;
        PyObject ***start = p->keywords + used;
        PyObject **places = values + p->positional_only + used;
        for (Py_ssize_t i = 0; i < count; i++) {
            PyObject *name = PyTuple_GET_ITEM(names, i);
            Py_ssize_t at = 0;
            while (start[at] && *start[at] != name) at++;
            if (!start[at] || places[at]) return 0;
            places[at] = args[nargs + i];
        }
    }
    for (Py_ssize_t i = nargs; i < p->required; i++) {
        if (!values[i]) return 0;
    }
    for (int32_t i = 0; i < p->keyword_only; i++) {
        if (p->keyword_required[i] && !values[p->positional + i]) return 0;
    }
    return 1;
}

/* All that calls may come to: 1, or -1 with an exception. */
static __attribute__((noinline)) int cyl_bind_any(const struct cyl_parameters *p, PyObject *const *args,
                                                  Py_ssize_t nargs, PyObject *names, PyObject **values) {
    Py_ssize_t total = (Py_ssize_t) p->positional + p->keyword_only;
    Py_ssize_t named = !names ? 0 : PyDict_Check(names) ? PyDict_GET_SIZE(names) : PyTuple_GET_SIZE(names);
    PyObject *star_star = NULL;
    memset(values, 0, (size_t) (total + (p->star != 0) + (p->star_star != 0)) * sizeof *values);
    if (named > 0 && !p->star_star && p->positional_only == total) {
        __Pyx_RejectKeywords(p->name, names);
        return -1;
    }
    if (p->star_star == 2) {
        if (named > 0 && __Pyx_CheckKeywordStrings(names) < 0) return -1;
        named = 0;
    } else if (p->star_star && total == 0 && named > 0) {
        PyObject *all;
        if (__Pyx_CheckKeywordStrings(names) < 0) return -1;
        all = PyDict_Check(names) ? PyDict_Copy(names) : __Pyx_KwargsAsDict_FASTCALL(names, args + nargs);
        if (!all) return -1;
        values[p->star ? 1 : 0] = all;
        named = 0;
    } else if (p->star_star) {
        star_star = PyDict_New();
        if (!star_star) return -1;
        values[total + (p->star ? 1 : 0)] = star_star;
    }
    if (p->star == 2) {
        /* The call's own tuple serves. */
    } else if (p->star) {
        values[total] = __Pyx_ArgsSlice_FASTCALL(args, p->positional, nargs);
        if (!values[total]) return -1;
    } else if (nargs > p->positional) {
        __Pyx_RaiseArgtupleInvalid(p->name, p->required == p->positional, p->required, p->positional, nargs);
        return -1;
    }
    Py_ssize_t direct = nargs < p->positional ? nargs : p->positional;
    if (direct < p->positional_only && direct < p->required) {
        Py_ssize_t needed = p->required < p->positional_only ? p->required : p->positional_only;
        if (direct < needed) return cyl_count_error(p, nargs);
    }
    for (Py_ssize_t i = 0; i < direct; i++) values[i] = Py_NewRef(args[i]);
    if (named > 0) {
        Py_ssize_t used = direct - p->positional_only;
        if (used < 0) used = 0;
        if (__Pyx_ParseKeywords(names, args + nargs, p->keywords, star_star, values + p->positional_only,
                                used, named, p->name, p->star_star) < 0) {
            return -1;
        }
    }
    for (Py_ssize_t i = direct; i < p->required; i++) {
        if (!values[i]) {
            if (named > 0) {
                __Pyx_RaiseArgtupleInvalid(p->name, p->required == p->positional && !p->star, p->required,
                                           p->positional, i);
                return -1;
            }
            return cyl_count_error(p, nargs);
        }
    }
    for (int32_t i = 0; i < p->keyword_only; i++) {
        if (p->keyword_required[i] && !values[p->positional + i]) {
            __Pyx_RaiseKeywordRequired(p->name, *p->keywords[p->positional - p->positional_only + i]);
            return -1;
        }
    }
    return 1;
}

/* Fills `values`: positional parameters, keyword-only ones, then the tuple of further positional arguments
   and the dictionary of further keywords where there are such.  What was not given stays null.  `names` are
   the keywords' as for vectorcall, or a dictionary of them, or null.  0 where the references are borrowed,
   1 where they are to be released, -1 with an exception and `values` to be released. */
int cyl_parse_arguments(const struct cyl_parameters *p, PyObject *const *args, int64_t given,
                        PyObject *names, PyObject **values) {
    Py_ssize_t nargs = PyVectorcall_NARGS((size_t) given);
    if (!p->star && !p->star_star && (!names || PyTuple_Check(names))
        && cyl_bind_arguments(p, args, nargs, names, values)) {
        return 0;
    }
    return cyl_bind_any(p, args, nargs, names, values);
}
