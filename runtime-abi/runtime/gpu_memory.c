/* What memoryviews refer to, on the GPU and back: only what a loop touches is copied. */

#define CYL_GPU_SLICES 170 /* of three words each, among 500 */

typedef struct {
    int64_t kind, word, type, extra, flags;
} cyl_gpu_item;

/* A memoryview of a launch: `data` on the host, its bytes from `low` to `high`. */
typedef struct {
    const cyl_gpu_item *item;
    char *data, *low, *high;
    int64_t count;
    const int64_t *shape, *strides;
    int group;
    int resident; /* on the device already */
    int packed;   /* its items lie one after the other there, and not here */
} cyl_gpu_slice;

/* A piece of memory of the host that has a copy on the device. */
typedef struct {
    char *low, *high;
    cyl_address there;
    int members, written;
} cyl_gpu_group;

/* Memory of the device that is used again. */
static struct {
    cyl_address address;
    size_t size;
    int used;
} cyl_gpu_pool[64];

static void cyl_gpu_pool_trim(void) {
    for (int at = 0; at < 64; at++)
        if (cyl_gpu_pool[at].address && !cyl_gpu_pool[at].used) {
            cyl_gpu.release(cyl_gpu_pool[at].address);
            cyl_gpu_pool[at].address = 0;
        }
}

static int cyl_gpu_take(size_t size, cyl_address *address) {
    int best = -1, room = -1;
    size = (size + 511) & ~(size_t) 511;
    for (int at = 0; at < 64; at++) {
        if (!cyl_gpu_pool[at].address) {
            room = at;
        } else if (!cyl_gpu_pool[at].used && cyl_gpu_pool[at].size >= size &&
                   cyl_gpu_pool[at].size / 2 <= size &&
                   (best < 0 || cyl_gpu_pool[at].size < cyl_gpu_pool[best].size)) {
            best = at;
        }
    }
    if (best >= 0) {
        cyl_gpu_pool[best].used = 1;
        *address = cyl_gpu_pool[best].address;
        return 0;
    }
    if (room < 0) {
        cyl_gpu_pool_trim();
        for (int at = 0; at < 64; at++)
            if (!cyl_gpu_pool[at].address) room = at;
        if (room < 0) return 2;
    }
    int status = cyl_gpu.allocate(address, size);
    if (status == 2) {
        cyl_gpu_pool_trim();
        status = cyl_gpu.allocate(address, size);
    }
    if (status) return status;
    cyl_gpu_pool[room].address = *address;
    cyl_gpu_pool[room].size = size;
    cyl_gpu_pool[room].used = 1;
    return 0;
}

static void cyl_gpu_give(cyl_address address) {
    for (int at = 0; at < 64; at++)
        if (cyl_gpu_pool[at].address == address) cyl_gpu_pool[at].used = 0;
}

/* Reads a memoryview out of the arguments. */
static void cyl_gpu_measure(cyl_gpu_slice *slice, const cyl_gpu_item *item, int64_t *args) {
    int64_t ndim = item->extra, size = item->type;
    slice->item = item;
    slice->data = slice->low = slice->high = (char *) (intptr_t) args[item->word];
    slice->shape = args + item->word + 1;
    slice->strides = slice->shape + ndim;
    slice->count = 1;
    slice->group = -1;
    slice->resident = slice->packed = 0;
    for (int64_t dim = 0; dim < ndim; dim++) slice->count *= slice->shape[dim];
    if (slice->count <= 0) {
        slice->count = 0;
        return;
    }
    for (int64_t dim = 0; dim < ndim; dim++) {
        int64_t far = (slice->shape[dim] - 1) * slice->strides[dim];
        if (far < 0)
            slice->low += far;
        else
            slice->high += far;
    }
    slice->high += size;
}

/* Copies the items of a slice to a dense array, or back. */
static void cyl_gpu_gather(const cyl_gpu_slice *slice, char *base, char *dense, int back) {
    int64_t ndim = slice->item->extra, size = slice->item->type;
    int64_t index[8] = {0};
    char *at = base;
    for (int64_t n = 0; n < slice->count; n++) {
        if (back)
            memcpy(at, dense, (size_t) size);
        else
            memcpy(dense, at, (size_t) size);
        dense += size;
        for (int64_t dim = ndim - 1; dim >= 0; dim--) {
            at += slice->strides[dim];
            if (++index[dim] < slice->shape[dim]) break;
            at -= slice->strides[dim] * slice->shape[dim];
            index[dim] = 0;
        }
    }
}

/* The items of a slice from a copy of its bytes to their places. */
static void cyl_gpu_scatter_range(const cyl_gpu_slice *slice, const char *copy) {
    int64_t ndim = slice->item->extra, size = slice->item->type;
    int64_t index[8] = {0};
    int64_t at = slice->data - slice->low;
    for (int64_t n = 0; n < slice->count; n++) {
        memcpy(slice->low + at, copy + at, (size_t) size);
        for (int64_t dim = ndim - 1; dim >= 0; dim--) {
            at += slice->strides[dim];
            if (++index[dim] < slice->shape[dim]) break;
            at -= slice->strides[dim] * slice->shape[dim];
            index[dim] = 0;
        }
    }
}

static int cyl_gpu_is_resident(const char *data) {
    unsigned kind = 0, managed = 0;
    if (!cyl_gpu.pointer(&managed, 8, (cyl_address) (uintptr_t) data) && managed) return 1;
    return !cyl_gpu.pointer(&kind, 2, (cyl_address) (uintptr_t) data) && kind == 2;
}

/* Memoryviews whose bytes overlap share one copy: a write through one is seen through the other. */
static int cyl_gpu_group_slices(cyl_gpu_slice *slices, int count, cyl_gpu_group *groups) {
    int found = 0;
    for (int at = 0; at < count; at++) {
        cyl_gpu_slice *slice = &slices[at];
        if (!slice->count || !slice->item->flags || slice->resident) continue;
        slice->group = found;
        groups[found++] = (cyl_gpu_group) {slice->low, slice->high, 0, 1, (int) (slice->item->flags & 2)};
    }
    for (int again = 1; again;) {
        again = 0;
        for (int a = 0; a < found; a++)
            for (int b = a + 1; b < found; b++) {
                cyl_gpu_group *x = &groups[a], *y = &groups[b];
                if (!x->members || !y->members || x->low >= y->high || y->low >= x->high) continue;
                if (y->low < x->low) x->low = y->low;
                if (y->high > x->high) x->high = y->high;
                x->members += y->members;
                x->written |= y->written;
                y->members = 0;
                for (int at = 0; at < count; at++)
                    if (slices[at].group == b) slices[at].group = a;
                again = 1;
            }
    }
    return found;
}

/* To the device; the arguments get the addresses there.  A status of the driver, -1: no memory. */
static int cyl_gpu_copy_in(cyl_gpu_slice *slices, int count, cyl_gpu_group *groups, int ngroups,
                           int64_t *args) {
    for (int at = 0; at < ngroups; at++) {
        cyl_gpu_group *group = &groups[at];
        if (!group->members) continue;
        size_t size = (size_t) (group->high - group->low);
        cyl_gpu_slice *only = NULL;
        for (int n = 0; n < count && group->members == 1; n++)
            if (slices[n].group == at) only = &slices[n];
        char *from = group->low, *made = NULL;
        if (only && size > 2 * (size_t) (only->count * only->item->type)) {
            only->packed = 1;
            size = (size_t) (only->count * only->item->type);
            if (!(from = made = malloc(size))) return -1;
            cyl_gpu_gather(only, only->data, made, 0);
        }
        int status = cyl_gpu_take(size, &group->there);
        if (!status) status = cyl_gpu.to_device(group->there, from, size, cyl_gpu.stream);
        if (made) {
            if (!status) status = cyl_gpu.wait(cyl_gpu.stream);
            free(made);
        }
        if (status) return status;
    }
    for (int at = 0; at < count; at++) {
        cyl_gpu_slice *slice = &slices[at];
        if (slice->group < 0) continue;
        cyl_gpu_group *group = &groups[slice->group];
        int64_t word = slice->item->word;
        args[word] = (int64_t) group->there + (slice->packed ? 0 : slice->data - group->low);
        if (slice->packed) {
            int64_t ndim = slice->item->extra, step = slice->item->type;
            for (int64_t dim = ndim - 1; dim >= 0; dim--) {
                args[word + 1 + ndim + dim] = step;
                step *= slice->shape[dim];
            }
        }
    }
    return 0;
}

/* What was written, back to the host. */
static int cyl_gpu_copy_out(cyl_gpu_slice *slices, int count, cyl_gpu_group *groups) {
    for (int at = 0; at < count; at++) {
        cyl_gpu_slice *slice = &slices[at];
        if (slice->group < 0 || !(slice->item->flags & 2)) continue;
        cyl_gpu_group *group = &groups[slice->group];
        size_t dense = (size_t) (slice->count * slice->item->type);
        size_t range = (size_t) (slice->high - slice->low);
        cyl_address there = group->there + (cyl_address) (slice->packed ? 0 : slice->low - group->low);
        int status;
        if (!slice->packed && range == dense) {
            status = cyl_gpu.to_host(slice->low, there, range, cyl_gpu.stream);
            if (status) return status;
            continue;
        }
        size_t size = slice->packed ? dense : range;
        char *copy = malloc(size);
        if (!copy) return -1;
        status = cyl_gpu.to_host(copy, there, size, cyl_gpu.stream);
        if (!status) status = cyl_gpu.wait(cyl_gpu.stream);
        if (!status) {
            if (slice->packed)
                cyl_gpu_gather(slice, slice->data, copy, 1);
            else
                cyl_gpu_scatter_range(slice, copy);
        }
        free(copy);
        if (status) return status;
    }
    return cyl_gpu.wait(cyl_gpu.stream);
}
