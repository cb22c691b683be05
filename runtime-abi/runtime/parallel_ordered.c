/* prange_reproducible: the parts of a reduction, one row for each block of iterations, whichever thread ran it.
 *
 * A row begins with a word that says whether it is filled. The parts of a column are combined as a binary tree
 * over the rows in their order, so that the result depends on the number of rows alone. */

typedef struct cyl_parts {
    struct cyl_parts *next;
    long long loop, execution, rows;
    long long pad[2]; /* rows begin at a multiple of 16 */
    char data[];
} cyl_parts;

/* The rows of one execution of a loop; the callers hold a lock. */
void *cyl_parallel_rows(void **head, long long loop, long long execution, long long rows, long long size) {
    cyl_parts **at = (cyl_parts **) head;
    while (*at && ((*at)->loop < loop || ((*at)->loop == loop && (*at)->execution < execution))) {
        at = &(*at)->next;
    }
    if (*at && (*at)->loop == loop && (*at)->execution == execution) {
        return (*at)->data;
    }
    cyl_parts *made = (cyl_parts *) calloc(1, sizeof(cyl_parts) + (size_t) rows * (size_t) size);
    if (!made) {
        abort();
    }
    made->next = *at;
    made->loop = loop;
    made->execution = execution;
    made->rows = rows;
    *at = made;
    return made->data;
}

/* FOLD names the combination of the n-th of `count` parts of a row with those of another. */
#define CYL_FOLD(NAME, TYPE, FOLD)                                                                \
    static void NAME(char *rows, long long filled, long long size, long long offset, int op,      \
                     long long count, TYPE *into) {                                               \
        (void) op;                                                                                \
        for (long long step = 1; step < filled; step *= 2) {                                      \
            for (long long row = 0; row + step < filled; row += 2 * step) {                       \
                TYPE *a = (TYPE *) (rows + row * size + offset);                                  \
                const TYPE *b = (const TYPE *) (rows + (row + step) * size + offset);             \
                for (long long n = 0; n < count; n++) a[n] = FOLD(a[n], b[n]);                    \
            }                                                                                     \
        }                                                                                         \
        if (filled) {                                                                             \
            const TYPE *a = (const TYPE *) (rows + offset);                                       \
            for (long long n = 0; n < count; n++) into[n] = FOLD(into[n], a[n]);                  \
        }                                                                                         \
    }
#define CYL_FOLD_REAL(a, b) \
    (op == '+' ? a + b : op == '*' ? a * b : (op == '>' ? b > a : b < a) || a != a ? b : a)
#define CYL_FOLD_PRODUCT(a, b) (a * b)

CYL_FOLD(cyl_fold_float, float, CYL_FOLD_REAL)
CYL_FOLD(cyl_fold_double, double, CYL_FOLD_REAL)
CYL_FOLD(cyl_fold_long_double, long double, CYL_FOLD_REAL)
CYL_FOLD(cyl_fold_float_complex, float _Complex, CYL_FOLD_PRODUCT)
CYL_FOLD(cyl_fold_double_complex, double _Complex, CYL_FOLD_PRODUCT)
CYL_FOLD(cyl_fold_long_double_complex, long double _Complex, CYL_FOLD_PRODUCT)

/* Moves the filled rows to the front; how many there are. Rows are missing where a loop was left early. */
static long long cyl_parallel_compact(cyl_parts *parts, long long size) {
    long long filled = 0;
    for (long long row = 0; row < parts->rows; row++) {
        char *from = parts->data + row * size;
        if (*(long long *) from) {
            if (filled != row) {
                memcpy(parts->data + filled * size, from, (size_t) size);
            }
            filled++;
        }
    }
    parts->rows = filled;
    return filled;
}

/* Combines a column of all executions of all loops with what is there. */
void cyl_parallel_fold(void **head, long long size, long long offset, int kind, int op, long long count,
                       void *into) {
    for (cyl_parts *parts = (cyl_parts *) *head; parts; parts = parts->next) {
        long long filled = cyl_parallel_compact(parts, size);
        switch (op == '.' ? -kind : kind) {
#define CYL_FOLD_CASE(KIND, NAME, TYPE) \
    case KIND: NAME(parts->data, filled, size, offset, op, count, (TYPE *) into); break;
            CYL_FOLD_CASE(32, cyl_fold_float, float)
            CYL_FOLD_CASE(64, cyl_fold_double, double)
            CYL_FOLD_CASE(80, cyl_fold_long_double, long double)
            /* '.': products of complex numbers, of which there are half as many as parts */
            CYL_FOLD_CASE(-32, cyl_fold_float_complex, float _Complex)
            CYL_FOLD_CASE(-64, cyl_fold_double_complex, double _Complex)
            CYL_FOLD_CASE(-80, cyl_fold_long_double_complex, long double _Complex)
        }
    }
}

void cyl_parallel_forget(void **head) {
    cyl_parts *parts = (cyl_parts *) *head;
    while (parts) {
        cyl_parts *next = parts->next;
        free(parts);
        parts = next;
    }
    *head = NULL;
}
