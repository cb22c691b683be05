/* Launches of prange loops; the layouts are those of codegen/src/gpu/describe.rs and
   codegen/src/lower/parallel_gpu.rs. */

typedef struct {
    PyObject **exception; /* null: an index out of bounds */
    const char *text;
} cyl_gpu_site;

typedef struct {
    const char *name, *ptx;
    int64_t length;
    const cyl_gpu_site *sites;
    int64_t nsites;
    void *loaded;
} cyl_gpu_module;

/* The grid's places and extents from the outermost loop to the innermost one. */
typedef void (*cyl_gpu_thread)(int64_t *args, int64_t *state, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t);

typedef struct {
    cyl_gpu_module *module; /* null: the loop stays on the CPU */
    const char *name;
    cyl_gpu_thread host;
    int64_t flags, line, words, results, reductions, count;
    const cyl_gpu_item *items;
    void *function;
} cyl_gpu_kernel;

enum { CYL_GPU_REQUIRED = 1, CYL_GPU_FALLBACK = 2, CYL_GPU_PLANE = 4, CYL_GPU_CUBE = 8 };
enum { CYL_GPU_STEPS, CYL_GPU_START, CYL_GPU_STEP, CYL_GPU_INNER, CYL_GPU_ERROR, CYL_GPU_PARTIALS, CYL_GPU_RESULTS, CYL_GPU_LINE, CYL_GPU_INMOST };
enum { CYL_GPU_SLICE = 1, CYL_GPU_REDUCTION, CYL_GPU_LAST };

#define CYL_GPU_BLOCK 256
#define CYL_GPU_MOST_BLOCKS 1024 /* of a reduction: its order depends on nothing else */

/* taken, site, line, detail, left early */
typedef struct {
    int32_t taken, site, line, detail, broken, unused[3];
} cyl_gpu_error;

/* ---------------------------------------------------------------- on the host, what a device does */

void cyl_gpu_raise(int64_t *state, int32_t site, int32_t line, int32_t detail) {
    if (*(int32_t *) state) return;
    cyl_gpu_error *error = (cyl_gpu_error *) (intptr_t) state[1];
    int first = !__sync_val_compare_and_swap(&error->taken, 0, 1);
    *(int32_t *) state = first ? 2 : 1;
    if (!first) return;
    error->site = site;
    error->line = line;
    error->detail = detail;
}

void cyl_gpu_at(int64_t *state, int32_t line) {
    if (*(int32_t *) state == 2) ((cyl_gpu_error *) (intptr_t) state[1])->line = line;
}

void cyl_gpu_break(int64_t *state) { ((cyl_gpu_error *) (intptr_t) state[1])->broken = 1; }

int32_t cyl_gpu_broken(int64_t *state) { return ((cyl_gpu_error *) (intptr_t) state[1])->broken; }

/* A range of a memoryview; devicemath/src/slices.rs is the same for the device. */
int32_t cyl_gpu_range(__Pyx_memviewslice *made, int64_t shape, int64_t stride, int64_t suboffset, int32_t dim,
                      int32_t new_dim, int32_t *followed, int64_t start, int64_t stop, int64_t step,
                      int32_t have_start, int32_t have_stop, int32_t have_step, int32_t is_slice, int64_t *state,
                      int32_t site, int32_t line) {
    (void) suboffset; (void) dim; (void) followed; (void) is_slice;
    if (!have_step) step = 1;
    if (!step) {
        cyl_gpu_raise(state, site, line, 0);
        return -1;
    }
    if (!have_start)
        start = step < 0 ? shape - 1 : 0;
    else if (start < 0)
        start = start + shape < 0 ? 0 : start + shape;
    else if (start >= shape)
        start = step < 0 ? shape - 1 : shape;
    if (!have_stop)
        stop = step < 0 ? -1 : shape;
    else if (stop < 0)
        stop = stop + shape < 0 ? 0 : stop + shape;
    else if (stop > shape)
        stop = shape;
    int64_t count = (stop - start) / step;
    if (stop - start - step * count) count++;
    made->strides[new_dim] = stride * step;
    made->shape[new_dim] = count < 0 ? 0 : count;
    made->suboffsets[new_dim] = -1;
    made->data += start * stride;
    return 0;
}

#define CYL_GPU_COMBINE(type) { \
    type a = *(type *) into, b = *(const type *) from, c; \
    switch (operator) { \
        case 0: c = (type) (a + b); break; \
        case 1: c = (type) (a * b); break; \
        CYL_GPU_BITS \
        case 5: case 7: c = b > a || a != a ? b : a; break; \
        default: c = b < a || a != a ? b : a; break; \
    } \
    *(type *) into = c; \
    return; }
#define CYL_GPU_BITS case 2: c = a & b; break; case 3: c = a | b; break; case 4: c = a ^ b; break;

/* into = into (operator) from */
static void cyl_gpu_combine(void *into, const void *from, int64_t type, int64_t operator) {
    if (operator >= 7) switch (type) {
        case 8: CYL_GPU_COMBINE(uint8_t)
        case 16: CYL_GPU_COMBINE(uint16_t)
        case 32: CYL_GPU_COMBINE(uint32_t)
        default: CYL_GPU_COMBINE(uint64_t)
    }
    if (operator >= 5) switch (type) {
        case 8: CYL_GPU_COMBINE(int8_t)
        case 16: CYL_GPU_COMBINE(int16_t)
        case 32: CYL_GPU_COMBINE(int32_t)
        case 64: CYL_GPU_COMBINE(int64_t)
    } else switch (type) { /* these wrap */
        case 8: CYL_GPU_COMBINE(uint8_t)
        case 16: CYL_GPU_COMBINE(uint16_t)
        case 32: CYL_GPU_COMBINE(uint32_t)
        case 64: CYL_GPU_COMBINE(uint64_t)
    }
#undef CYL_GPU_BITS
#define CYL_GPU_BITS
    if (type == 1032)
        CYL_GPU_COMBINE(float)
    else
        CYL_GPU_COMBINE(double)
}

/* A grid by loops: the same function for every thread, the same order of combining. */
void cyl_gpu_emulate(cyl_gpu_kernel *kernel, int64_t *args, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                     unsigned by) {
    int64_t partials[64][CYL_GPU_BLOCK];
    int64_t state[66];
    int64_t blocks = (int64_t) gx * gy * gz;
    for (int64_t block = 0; block < blocks; block++) {
        for (unsigned lane = 0; lane < bx * by; lane++) {
            memset(state, 0, sizeof state);
            state[1] = args[CYL_GPU_ERROR];
            int64_t x = (block % gx) * bx + lane % bx, y = (block / gx % gy) * by + lane / bx;
            int64_t z = block / gx / gy, wide = (int64_t) gx * bx, high = (int64_t) gy * by;
            if (kernel->flags & CYL_GPU_CUBE)
                kernel->host(args, state, z, gz, y, high, x, wide);
            else if (kernel->flags & CYL_GPU_PLANE)
                kernel->host(args, state, y, high, x, wide, 0, 1);
            else
                kernel->host(args, state, x, wide, 0, 1, 0, 1);
            for (int64_t n = 0; n < kernel->reductions && lane < CYL_GPU_BLOCK; n++)
                partials[n][lane] = state[2 + n];
        }
        int64_t *results = (int64_t *) (intptr_t) args[CYL_GPU_PARTIALS];
        int64_t reduction = 0;
        for (int64_t n = 0; n < kernel->count; n++) {
            const cyl_gpu_item *item = &kernel->items[n];
            if (item->kind != CYL_GPU_REDUCTION) continue;
            int64_t *mine = partials[reduction];
            for (int width = CYL_GPU_BLOCK / 2; width; width /= 2)
                for (int lane = 0; lane < width; lane++)
                    cyl_gpu_combine(&mine[lane], &mine[lane + width], item->type, item->extra);
            results[reduction++ * blocks + block] = mine[0];
        }
    }
}

/* ---------------------------------------------------------------- launches */

/* Times of launches in seconds, where somebody asks for them. */
typedef struct {
    char kernel[96];
    double in, run, out;
    int64_t bytes_in, bytes_out, threads;
} cyl_gpu_time;

static cyl_gpu_time *cyl_gpu_times;
static int64_t cyl_gpu_ntimes, cyl_gpu_room;

static double cyl_gpu_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

/* Room for so many records; 0 ends the recording.  Returns the number of records so far. */
int64_t cyl_gpu_profile(int64_t room) {
    pthread_mutex_lock(&cyl_gpu_lock);
    int64_t found = cyl_gpu_ntimes;
    if (room >= 0) {
        free(cyl_gpu_times);
        cyl_gpu_times = room ? calloc((size_t) room, sizeof *cyl_gpu_times) : NULL;
        cyl_gpu_room = cyl_gpu_times ? room : 0;
        cyl_gpu_ntimes = 0;
    }
    pthread_mutex_unlock(&cyl_gpu_lock);
    return found;
}

int cyl_gpu_profile_record(int64_t index, cyl_gpu_time *record) {
    pthread_mutex_lock(&cyl_gpu_lock);
    int there = index >= 0 && index < cyl_gpu_ntimes;
    if (there) *record = cyl_gpu_times[index];
    pthread_mutex_unlock(&cyl_gpu_lock);
    return there;
}

typedef struct {
    unsigned gx, gy, gz, bx, by;
} cyl_gpu_grid;

static unsigned cyl_gpu_blocks(int64_t items, unsigned size, unsigned most) {
    int64_t blocks = (items + size - 1) / size;
    return (unsigned) (blocks < 1 ? 1 : blocks > most ? most : blocks);
}

static cyl_gpu_grid cyl_gpu_shape(cyl_gpu_kernel *kernel, const int64_t *args) {
    cyl_gpu_grid grid = {1, 1, 1, CYL_GPU_BLOCK, 1};
    int64_t steps = args[CYL_GPU_STEPS];
    unsigned most = kernel->reductions ? CYL_GPU_MOST_BLOCKS : 0x7fffffff;
    if (kernel->flags & CYL_GPU_CUBE) {
        grid.bx = 32;
        grid.by = 8;
        grid.gx = cyl_gpu_blocks(args[CYL_GPU_INMOST], grid.bx, kernel->reductions ? 16 : 65535);
        grid.gy = cyl_gpu_blocks(args[CYL_GPU_INNER], grid.by, kernel->reductions ? 8 : 65535);
        grid.gz = cyl_gpu_blocks(steps, 1, kernel->reductions ? 8 : 65535);
        return grid;
    }
    if (kernel->flags & CYL_GPU_PLANE) {
        grid.bx = 32;
        grid.by = 8;
        grid.gx = cyl_gpu_blocks(args[CYL_GPU_INNER], grid.bx, kernel->reductions ? 32 : 65535);
        grid.gy = cyl_gpu_blocks(steps, grid.by, kernel->reductions ? 32 : 65535);
        return grid;
    }
    if (!kernel->reductions) {
        int least = 0, size = 0;
        if (!cyl_gpu.block_size(&least, &size, kernel->function, NULL, 0, 512) && size >= 32)
            grid.bx = (unsigned) size;
        /* A small loop is spread over all of the device. */
        while (grid.bx > 64 && (steps + grid.bx - 1) / grid.bx < least) grid.bx /= 2;
    }
    grid.gx = cyl_gpu_blocks(steps, grid.bx, most);
    return grid;
}

/* The driver's handle of a kernel.  A driver for tests is told of the function for the host. */
static int cyl_gpu_find(cyl_gpu_kernel *kernel) {
    cyl_gpu_module *module = kernel->module;
    if (!module->loaded) {
        int status = cyl_gpu_load(module->ptx, (size_t) module->length, &module->loaded);
        if (status) return status;
    }
    void (*tell)(const char *, void *, void *) = NULL;
    *(void **) &tell = dlsym(cyl_gpu.library, "cyl_fake_kernel");
    if (tell) tell(kernel->name, kernel, (void *) cyl_gpu_emulate);
    return cyl_gpu.function(&kernel->function, module->loaded, kernel->name);
}

/* Sets the exception that the first thread to raise has noted. */
static int cyl_gpu_raised(cyl_gpu_kernel *kernel, int64_t *args, const cyl_gpu_error *error) {
    args[CYL_GPU_LINE] = error->line;
    PyGILState_STATE gil = PyGILState_Ensure();
    if (error->site < 1 || error->site > kernel->module->nsites) {
        PyErr_Format(PyExc_SystemError, "GPU: kernel '%s' left a broken error word", kernel->name);
    } else {
        const cyl_gpu_site *site = &kernel->module->sites[error->site - 1];
        if (site->exception)
            PyErr_SetString(*site->exception, site->text);
        else
            PyErr_Format(PyExc_IndexError, "Out of bounds on buffer access (axis %d)", error->detail);
    }
    PyGILState_Release(gil);
    return -1;
}

/* What the launch did to reductions and to variables whose last value counts. */
static void cyl_gpu_collect(cyl_gpu_kernel *kernel, int64_t *args, const int64_t *results,
                            int64_t *partials, int64_t blocks) {
    int64_t reduction = 0;
    for (int64_t n = 0; n < kernel->count; n++) {
        const cyl_gpu_item *item = &kernel->items[n];
        if (item->kind == CYL_GPU_LAST)
            memcpy(&args[item->word], &results[item->extra], 8 * (size_t) item->type);
        if (item->kind != CYL_GPU_REDUCTION) continue;
        int64_t *mine = partials + reduction++ * blocks;
        /* In the order of blocks, whatever order they ran in. */
        for (int64_t block = 1; block < blocks; block++)
            cyl_gpu_combine(&mine[0], &mine[block], item->type, item->extra);
        cyl_gpu_combine(&args[item->word], &mine[0], item->type, item->extra);
    }
}

/* With the lock and the context: 0, 2 after a break, or a status of the driver, negated and less 10. */
static int cyl_gpu_launch(cyl_gpu_kernel *kernel, int64_t *args, cyl_gpu_error *error, const char **what) {
    int status = 0;
    cyl_gpu_slice slices[CYL_GPU_SLICES];
    cyl_gpu_group groups[CYL_GPU_SLICES];
    int64_t there[512];
    int count = 0;
    double started = cyl_gpu_times ? cyl_gpu_now() : 0, copied = 0, ran = 0;
    *what = "loading";
    if (!kernel->function && (status = cyl_gpu_find(kernel))) return -10 - status;
    memcpy(there, args, 8 * (size_t) kernel->words);
    for (int64_t n = 0; n < kernel->count && count < CYL_GPU_SLICES; n++) {
        if (kernel->items[n].kind != CYL_GPU_SLICE) continue;
        cyl_gpu_measure(&slices[count], &kernel->items[n], args);
        slices[count].resident = slices[count].count && cyl_gpu_is_resident(slices[count].data);
        count++;
    }
    int ngroups = cyl_gpu_group_slices(slices, count, groups);
    cyl_gpu_grid grid = cyl_gpu_shape(kernel, args);
    int64_t blocks = (int64_t) grid.gx * grid.gy * grid.gz;
    size_t first = sizeof(cyl_gpu_error) + 8 * (size_t) kernel->results;
    size_t size = first + 8 * (size_t) (kernel->reductions * blocks);
    cyl_address scratch = 0;
    char *image = calloc(1, size);
    *what = "memory";
    if (!image) return -12;
    for (int64_t n = 0; n < kernel->count; n++) {
        const cyl_gpu_item *item = &kernel->items[n];
        if (item->kind == CYL_GPU_LAST)
            memcpy(image + sizeof(cyl_gpu_error) + 8 * item->extra, &args[item->word],
                   8 * (size_t) item->type);
    }
    status = cyl_gpu_take(size, &scratch);
    *what = "copy to the device";
    if (!status) status = cyl_gpu_copy_in(slices, count, groups, ngroups, there);
    if (!status) status = cyl_gpu.to_device(scratch, image, first, cyl_gpu.stream);
    if (!status) {
        there[CYL_GPU_ERROR] = (int64_t) scratch;
        there[CYL_GPU_RESULTS] = (int64_t) scratch + (int64_t) sizeof(cyl_gpu_error);
        there[CYL_GPU_PARTIALS] = (int64_t) scratch + (int64_t) first;
        void *parameters[] = {there};
        *what = "launch";
        if (cyl_gpu_times) {
            cyl_gpu.wait(cyl_gpu.stream);
            copied = cyl_gpu_now();
            cyl_gpu.record(cyl_gpu.events[0], cyl_gpu.stream);
        }
        status = cyl_gpu.launch(kernel->function, grid.gx, grid.gy, grid.gz, grid.bx, grid.by, 1, 0,
                                cyl_gpu.stream, parameters, NULL);
        if (cyl_gpu_times) cyl_gpu.record(cyl_gpu.events[1], cyl_gpu.stream);
    }
    if (!status) status = cyl_gpu.to_host(image, scratch, size, cyl_gpu.stream);
    if (!status) {
        *what = "run";
        status = cyl_gpu.wait(cyl_gpu.stream);
    }
    ran = cyl_gpu_times ? cyl_gpu_now() : 0;
    if (!status) {
        memcpy(error, image, sizeof *error);
        *what = "copy to the host";
        status = cyl_gpu_copy_out(slices, count, groups);
    }
    if (!status && !error->taken)
        cyl_gpu_collect(kernel, args, (int64_t *) (image + sizeof *error), (int64_t *) (image + first), blocks);
    if (!status && cyl_gpu_times && cyl_gpu_ntimes < cyl_gpu_room) {
        cyl_gpu_time *time = &cyl_gpu_times[cyl_gpu_ntimes++];
        float run = 0;
        cyl_gpu.elapsed(&run, cyl_gpu.events[0], cyl_gpu.events[1]);
        snprintf(time->kernel, sizeof time->kernel, "%s:%d", kernel->module->name, (int) kernel->line);
        time->in = copied - started;
        time->run = 1e-3 * (double) run;
        time->out = cyl_gpu_now() - ran;
        time->threads = blocks * grid.bx * grid.by;
        for (int at = 0; at < count; at++) {
            if (slices[at].group < 0) continue;
            int64_t bytes = slices[at].count * slices[at].item->type;
            time->bytes_in += bytes;
            if (slices[at].item->flags & 2) time->bytes_out += bytes;
        }
    }
    free(image);
    for (int at = 0; at < ngroups; at++)
        if (groups[at].members && groups[at].there) cyl_gpu_give(groups[at].there);
    if (scratch) cyl_gpu_give(scratch);
    if (status) return status < 0 ? -12 : -10 - status;
    return error->broken ? 2 : 0;
}

/* Runs a loop on the GPU, without the GIL: 0 where it ran, 2 where it was left early, 1 where it is to
   run on the CPU, -1 with an exception whose line is among the arguments. */
int cyl_gpu_run(cyl_gpu_kernel *kernel, int64_t *args) {
    static int warned;
    if (!kernel->module) return 1;
    pthread_mutex_lock(&cyl_gpu_lock);
    int usable = !cyl_gpu_start(), warn = 0;
    if (!usable) {
        warn = (kernel->flags & CYL_GPU_FALLBACK) && !warned;
        if (warn) warned = 1;
        pthread_mutex_unlock(&cyl_gpu_lock);
        args[CYL_GPU_LINE] = kernel->line;
        if (!warn && (kernel->flags & CYL_GPU_FALLBACK)) return 1;
        PyGILState_STATE gil = PyGILState_Ensure();
        int status = -1;
        if (warn)
            status = PyErr_WarnFormat(PyExc_RuntimeWarning, 1, "prange runs on the CPU: no usable GPU (%s)",
                                      cyl_gpu.reason);
        else
            PyErr_Format(PyExc_RuntimeError, "prange_device='gpu', and no usable GPU (%s)", cyl_gpu.reason);
        PyGILState_Release(gil);
        return status ? -1 : 1;
    }
    cyl_gpu_error error = {0};
    const char *what = "context";
    void *popped;
    int status = cyl_gpu.push(cyl_gpu.context);
    if (status)
        status = -10 - status;
    else {
        status = cyl_gpu_launch(kernel, args, &error, &what);
        cyl_gpu.pop(&popped);
    }
    pthread_mutex_unlock(&cyl_gpu_lock);
    if (status <= -10) {
        args[CYL_GPU_LINE] = kernel->line;
        if (status == -12) what = "memory"; /* CUDA_ERROR_OUT_OF_MEMORY */
        cyl_gpu_raise_status(-10 - status, what, kernel->name, strcmp(what, "loading") ? "" : cyl_gpu_load_error);
        return -1;
    }
    return error.taken ? cyl_gpu_raised(kernel, args, &error) : status;
}

/* ---------------------------------------------------------------- for cython_llvm.gpu */

#define CYL_GPU_NO_DEVICE 100

typedef struct {
    int usable, major, minor, driver, processors;
    int64_t memory, free;
    char name[128], reason[300];
} cyl_gpu_facts;

void cyl_gpu_info(cyl_gpu_facts *facts) {
    memset(facts, 0, sizeof *facts);
    pthread_mutex_lock(&cyl_gpu_lock);
    void *popped;
    facts->usable = !cyl_gpu_start();
    snprintf(facts->reason, sizeof facts->reason, "%s", cyl_gpu.reason);
    if (facts->usable && !cyl_gpu.push(cyl_gpu.context)) {
        size_t all = 0, left = 0;
        facts->major = cyl_gpu.major;
        facts->minor = cyl_gpu.minor;
        facts->driver = cyl_gpu.version;
        snprintf(facts->name, sizeof facts->name, "%s", cyl_gpu.name);
        cyl_gpu.attribute(&facts->processors, 16, cyl_gpu.device);
        cyl_gpu.free_memory(&left, &all);
        facts->memory = (int64_t) all;
        facts->free = (int64_t) left;
        cyl_gpu.pop(&popped);
    }
    pthread_mutex_unlock(&cyl_gpu_lock);
}

/* Memory that host and device both reach at one address: a status of the driver. */
int cyl_gpu_allocate(int64_t size, cyl_address *address) {
    void *popped;
    pthread_mutex_lock(&cyl_gpu_lock);
    int status = cyl_gpu_start() ? CYL_GPU_NO_DEVICE : cyl_gpu.push(cyl_gpu.context);
    if (!status) {
        /* 1: for every stream */
        status = cyl_gpu.managed(address, size > 0 ? (size_t) size : 1, 1);
        cyl_gpu.pop(&popped);
    }
    pthread_mutex_unlock(&cyl_gpu_lock);
    return status;
}

/* What a status means, as text and by the driver's name. */
void cyl_gpu_status(int status, const char **text, const char **name) {
    *text = cyl_gpu_error_text(status);
    *name = cyl_gpu_error_name(status);
}

void cyl_gpu_free(cyl_address address) {
    void *popped;
    pthread_mutex_lock(&cyl_gpu_lock);
    if (address && cyl_gpu.state > 0 && !cyl_gpu.push(cyl_gpu.context)) {
        cyl_gpu.release(address);
        cyl_gpu.pop(&popped);
    }
    pthread_mutex_unlock(&cyl_gpu_lock);
}

/* Waits for a stream of another library in the device's primary context; a status of the driver. */
int cyl_gpu_wait(void *stream) {
    void *popped;
    pthread_mutex_lock(&cyl_gpu_lock);
    int usable = !cyl_gpu_start();
    pthread_mutex_unlock(&cyl_gpu_lock);
    int status = usable ? cyl_gpu.push(cyl_gpu.context) : CYL_GPU_NO_DEVICE;
    if (!status) {
        status = cyl_gpu.wait(stream);
        cyl_gpu.pop(&popped);
    }
    return status;
}

/* What a memoryview is made of: arrays on the GPU, which have no buffers, by what they tell of themselves. */
PyObject *cyl_gpu_object(PyObject *object) {
    static const char *const names[] = {"__cuda_array_interface__", "__dlpack__"};
    if (object == Py_None || PyObject_CheckBuffer(object)) return Py_NewRef(object);
    for (int at = 0; at < 2; at++) {
        PyObject *found = PyObject_GetAttrString(object, names[at]);
        if (!found) {
            if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return NULL;
            PyErr_Clear();
            continue;
        }
        Py_DECREF(found);
        PyObject *module = PyImport_ImportModule("cython_llvm.gpu");
        if (!module) return NULL;
        PyObject *view = PyObject_CallMethod(module, "view", "O", object);
        Py_DECREF(module);
        return view;
    }
    return Py_NewRef(object);
}
