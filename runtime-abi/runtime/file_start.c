/* What a library in a file does before anything else, when its init function is called.

   Tables of addresses: each has an entry in a section, tied to the table, with the way to the table and
   then pieces: a byte with 0x80 and a count of addresses that follow, as their distances from the entry;
   with 0xc0, those of words that hold the addresses; one with 0x40 and a count of bytes that follow; a count
   of zeros; a zero at the end (codegen/shim/tables.cpp).

   Texts: `codegen/src/files/pack.rs` has the format. */

#ifdef CYL_STATIC
extern const char __start_cyl_tables[] __attribute__((weak, visibility("hidden")));
extern const char __stop_cyl_tables[] __attribute__((weak, visibility("hidden")));

static int32_t cyl_distance(const char *at) {
    int32_t distance;
    memcpy(&distance, at, sizeof distance);
    return distance;
}

static void cyl_fill_tables(void) {
    const char *p = __start_cyl_tables;
    while (p < __stop_cyl_tables) {
        const char *entry = p;
        char *to = (char *) p + cyl_distance(p);
        p += 4;
        for (unsigned char piece; (piece = (unsigned char) *p++);) {
            unsigned count = piece & 63;
            if (!(piece & 0xc0)) {
                to += count;
                continue;
            }
            for (; count; count--) {
                if (!(piece & 0x80)) {
                    *to++ = *p++;
                    continue;
                }
                const char *address = entry + cyl_distance(p);
                if (piece & 0x40) address = *(const char *const *) address;
                *(const char **) to = address;
                to += sizeof(char *);
                p += 4;
            }
        }
    }
}
#endif

/* Other interpreters of the process may call it at the same time. */
void cyl_file_start(void); /*proto*/
void cyl_file_start(void) {
#ifdef CYL_STATIC
    static int state = 0; /* 1: somebody is at it, 2: done */
    int expected = 0;
    if (__atomic_compare_exchange_n(&state, &expected, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
        cyl_fill_tables();
        __atomic_store_n(&state, 2, __ATOMIC_RELEASE);
    }
    while (__atomic_load_n(&state, __ATOMIC_ACQUIRE) != 2) {}
#endif
}

struct cyl_packed_bits {
    const unsigned char *from;
    unsigned bits; /* the lowest one that is set ends them */
};

static size_t cyl_packed_bit(struct cyl_packed_bits *p) {
    unsigned bits = p->bits << 1;
    if (!(bits & 0xff)) bits = *p->from++ << 1 | 1;
    p->bits = bits;
    return bits >> 8 & 1;
}

static size_t cyl_packed_number(struct cyl_packed_bits *p) {
    size_t number = 1;
    while (cyl_packed_bit(p)) number = number << 1 | cyl_packed_bit(p);
    return number;
}

/* Texts, from their packed form.  Doing it again changes nothing. */
void cyl_expand(unsigned char *to, size_t size, const unsigned char *from); /*proto*/
void cyl_expand(unsigned char *to, size_t size, const unsigned char *from) {
    struct cyl_packed_bits p = {from, 0x80};
    unsigned char *end = to + size;
    size_t offset = 0;
    while (to < end) {
        if (!cyl_packed_bit(&p)) {
            *to++ = *p.from++;
            continue;
        }
        size_t length = 0;
        if (cyl_packed_bit(&p)) {
            offset = (cyl_packed_number(&p) - 1) << 8;
            offset |= *p.from++;
            length = 1;
        }
        length += cyl_packed_number(&p);
        for (const unsigned char *source = to - offset - 1; length--;) *to++ = *source++;
    }
}
