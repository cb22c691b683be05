/* Complex numbers by address, with the operations that Cython's helpers have: the C ABI of complex
 * values differs by type. */

#define CYL_COMPLEX_OPERATIONS(suffix, part, name, func)                                                       \
    void cyl_complex_from_parts_##suffix(name *r, const name *a) {                                  \
        *r = name##_from_parts(__real__(*a), __imag__(*a));                                         \
    }                                                                                               \
    void cyl_complex_prod_##suffix(name *r, const name *a, const name *b) {                         \
        *r = __Pyx_c_prod##func(*a, *b);                                                            \
    }                                                                                               \
    void cyl_complex_quot_##suffix(name *r, const name *a, const name *b) {                         \
        *r = __Pyx_c_quot##func(*a, *b);                                                            \
    }                                                                                               \
    void cyl_complex_pow_##suffix(name *r, const name *a, const name *b) {                          \
        *r = __Pyx_c_pow##func(*a, *b);                                                             \
    }                                                                                               \
    void cyl_complex_abs_##suffix(part *r, const name *a) {                                         \
        *r = __Pyx_c_abs##func(*a);                                                                 \
    }                                                                                               \
    int cyl_complex_from_python_##suffix(name *r, PyObject *o) {                                    \
        *r = __Pyx_PyComplex_As_##name(o);                                                          \
        return PyErr_Occurred() ? -1 : 0;                                                           \
    }

CYL_COMPLEX_OPERATIONS(f32, float, __pyx_t_float_complex, _float)
CYL_COMPLEX_OPERATIONS(f64, double, __pyx_t_double_complex, _double)
CYL_COMPLEX_OPERATIONS(f80, long double, __pyx_t_long_double_complex, _long__double)

#undef CYL_COMPLEX_OPERATIONS
