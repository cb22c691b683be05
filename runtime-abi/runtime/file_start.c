/* What a library in a file does before anything else, when its init function is called.

   Addresses within the library: the linker has packed them (a table of words, of which an even one is the
   place of an address, and an odd one says which of the next 63 words are addresses too).  Loaders know
   such tables since glibc 2.36 only, so the library does it itself, and the table's entries in the dynamic
   section have numbers that no loader knows (python/cython_llvm/elfcompact.py).  Other libraries have no
   such entries, and nothing is done.

   Texts: `codegen/src/files/pack.rs` has the format. */

#ifdef CYL_STATIC
#include <elf.h>

#define CYL_PACKED_ADDRESSES 0x6cc10024 /* as DT_RELR */
#define CYL_PACKED_SIZE 0x6cc10023      /* as DT_RELRSZ */

extern const Elf64_Dyn _DYNAMIC[] __attribute__((weak, visibility("hidden")));
extern const char __ehdr_start[] __attribute__((weak, visibility("hidden")));

static void cyl_relocate(void) {
    uintptr_t base = (uintptr_t) __ehdr_start, *place = NULL;
    const uintptr_t *p = NULL;
    size_t left = 0;
    for (const Elf64_Dyn *one = _DYNAMIC; one->d_tag; one++) {
        if (one->d_tag == CYL_PACKED_ADDRESSES) p = (const uintptr_t *) (base + one->d_un.d_ptr);
        if (one->d_tag == CYL_PACKED_SIZE) left = one->d_un.d_val / sizeof *p;
    }
    if (!p) return;
    for (; left; left--, p++) {
        uintptr_t bits = *p;
        if (!(bits & 1)) {
            place = (uintptr_t *) (base + bits);
            *place++ += base;
            continue;
        }
        for (int i = 0; bits >>= 1; i++) {
            if (bits & 1) place[i] += base;
        }
        place += 63;
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
        cyl_relocate();
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
