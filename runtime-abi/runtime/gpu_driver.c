/* NVIDIA's driver, opened when it is first needed: nothing of CUDA is there when this is compiled.

   CYTHON_LLVM_CUDA_DRIVER names another library with the same functions, as the tests do. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef uint64_t cyl_address;

/* The first one that knows the PTX that codegen/src/target/nvptx.rs has LLVM write. */
#define CYL_GPU_OLDEST_DRIVER 9000

/* name of ours, symbol, parameters */
#define CYL_CUDA(X) \
    X(init, "cuInit", (unsigned)) \
    X(get_version, "cuDriverGetVersion", (int *)) \
    X(count, "cuDeviceGetCount", (int *)) \
    X(get_device, "cuDeviceGet", (int *, int)) \
    X(device_name, "cuDeviceGetName", (char *, int, int)) \
    X(attribute, "cuDeviceGetAttribute", (int *, int, int)) \
    X(total_memory, "cuDeviceTotalMem_v2", (size_t *, int)) \
    X(retain, "cuDevicePrimaryCtxRetain", (void **, int)) \
    X(push, "cuCtxPushCurrent_v2", (void *)) \
    X(pop, "cuCtxPopCurrent_v2", (void **)) \
    X(free_memory, "cuMemGetInfo_v2", (size_t *, size_t *)) \
    X(new_stream, "cuStreamCreate", (void **, unsigned)) \
    X(wait, "cuStreamSynchronize", (void *)) \
    X(load, "cuModuleLoadData", (void **, const void *)) \
    X(function, "cuModuleGetFunction", (void **, void *, const char *)) \
    X(link_create, "cuLinkCreate_v2", (unsigned, int *, void **, void **)) \
    X(link_add, "cuLinkAddData_v2", (void *, int, void *, size_t, const char *, unsigned, int *, void **)) \
    X(link_complete, "cuLinkComplete", (void *, void **, size_t *)) \
    X(link_destroy, "cuLinkDestroy", (void *)) \
    X(allocate, "cuMemAlloc_v2", (cyl_address *, size_t)) \
    X(managed, "cuMemAllocManaged", (cyl_address *, size_t, unsigned)) \
    X(release, "cuMemFree_v2", (cyl_address)) \
    X(to_device, "cuMemcpyHtoDAsync_v2", (cyl_address, const void *, size_t, void *)) \
    X(to_host, "cuMemcpyDtoHAsync_v2", (void *, cyl_address, size_t, void *)) \
    X(pointer, "cuPointerGetAttribute", (void *, int, cyl_address)) \
    X(block_size, "cuOccupancyMaxPotentialBlockSize", (int *, int *, void *, void *, size_t, int)) \
    X(launch, "cuLaunchKernel", (void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, \
                                 unsigned, void *, void **, void **)) \
    X(event, "cuEventCreate", (void **, unsigned)) \
    X(record, "cuEventRecord", (void *, void *)) \
    X(elapsed, "cuEventElapsedTime", (float *, void *, void *)) \
    X(error_name, "cuGetErrorName", (int, const char **)) \
    X(error_text, "cuGetErrorString", (int, const char **))

static struct {
    int state; /* 0: not tried, 1: usable, -1: not */
    char reason[300];
    void *library;
    void *context;
    void *stream;
    void *events[2];
    int device, major, minor, version;
    char name[128];
#define X(name, symbol, parameters) int(*name) parameters;
    CYL_CUDA(X)
#undef X
} cyl_gpu;

static pthread_mutex_t cyl_gpu_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *cyl_gpu_error_name(int status) {
    const char *name = NULL;
    if (!cyl_gpu.error_name || cyl_gpu.error_name(status, &name) || !name) return "unknown error";
    return name;
}

static int cyl_gpu_unusable(const char *what, const char *why) {
    cyl_gpu.state = -1;
    snprintf(cyl_gpu.reason, sizeof cyl_gpu.reason, "%s: %s", what, why);
    return -1;
}

/* glibc's, under `pthread_atfork`, which has to be linked in and wants a start file with it: libraries would
   no longer be small.  Nobody unloads this one. */
extern int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *library);

/* What a process has of a GPU is its own: a child of fork() can use none of it. */
static void cyl_gpu_forked(void) {
    pthread_mutex_init(&cyl_gpu_lock, NULL);
    cyl_gpu_unusable("a forked process", "its parent has opened the GPU before; let multiprocessing spawn it");
}

/* Which of so many GPUs CYTHON_LLVM_GPU says, or -1 with a reason. */
static int cyl_gpu_wanted(int count) {
    const char *wanted = getenv("CYTHON_LLVM_GPU");
    if (!wanted || !*wanted) return 0;
    char *end, why[120];
    long index = strtol(wanted, &end, 10);
    if (!*end && index >= 0 && index < count) return (int) index;
    if (*end)
        snprintf(why, sizeof why, "'%.40s' is no number", wanted);
    else
        snprintf(why, sizeof why, "there is no GPU %ld: the last one is %d", index, count - 1);
    return cyl_gpu_unusable("CYTHON_LLVM_GPU", why);
}

/* Opens driver and device once; 0, or -1 with a reason.  The lock is held. */
static int cyl_gpu_start(void) {
    if (cyl_gpu.state) return cyl_gpu.state > 0 ? 0 : -1;
    char why[120];
    const char *path = getenv("CYTHON_LLVM_CUDA_DRIVER");
    if (!path || !*path) path = "libcuda.so.1";
    cyl_gpu.library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!cyl_gpu.library) return cyl_gpu_unusable("no NVIDIA driver", dlerror());
#define X(name, symbol, parameters) \
    *(void **) &cyl_gpu.name = dlsym(cyl_gpu.library, symbol); \
    if (!cyl_gpu.name) return cyl_gpu_unusable("the driver is too old", "it has no " symbol);
    CYL_CUDA(X)
#undef X
    int status, count = 0, index;
    if ((status = cyl_gpu.init(0))) return cyl_gpu_unusable("cuInit", cyl_gpu_error_name(status));
    if ((status = cyl_gpu.count(&count)) || count == 0)
        return cyl_gpu_unusable("no GPU", status ? cyl_gpu_error_name(status) : "the driver finds none");
    if ((index = cyl_gpu_wanted(count)) < 0) return -1;
    if ((status = cyl_gpu.get_device(&cyl_gpu.device, index)) ||
        (status = cyl_gpu.get_version(&cyl_gpu.version)) ||
        (status = cyl_gpu.device_name(cyl_gpu.name, sizeof cyl_gpu.name, cyl_gpu.device)) ||
        (status = cyl_gpu.attribute(&cyl_gpu.major, 75, cyl_gpu.device)) ||
        (status = cyl_gpu.attribute(&cyl_gpu.minor, 76, cyl_gpu.device)))
        return cyl_gpu_unusable("the GPU does not answer", cyl_gpu_error_name(status));
    if (cyl_gpu.version < CYL_GPU_OLDEST_DRIVER) {
        snprintf(why, sizeof why, "it is of CUDA %d.%d, and %d.%d is needed", cyl_gpu.version / 1000,
                 cyl_gpu.version % 1000 / 10, CYL_GPU_OLDEST_DRIVER / 1000, CYL_GPU_OLDEST_DRIVER % 1000 / 10);
        return cyl_gpu_unusable("the driver is too old", why);
    }
    if (cyl_gpu.major < 7) {
        snprintf(why, sizeof why, "its compute capability is %d.%d, and 7.0 is needed", cyl_gpu.major,
                 cyl_gpu.minor);
        return cyl_gpu_unusable(cyl_gpu.name, why);
    }
    /* The primary context is the one that CuPy, PyTorch and numba use too. */
    if ((status = cyl_gpu.retain(&cyl_gpu.context, cyl_gpu.device)) ||
        (status = cyl_gpu.push(cyl_gpu.context)))
        return cyl_gpu_unusable("no context", cyl_gpu_error_name(status));
    void *popped;
    status = cyl_gpu.new_stream(&cyl_gpu.stream, 0);
    if (!status) status = cyl_gpu.event(&cyl_gpu.events[0], 0);
    if (!status) status = cyl_gpu.event(&cyl_gpu.events[1], 0);
    cyl_gpu.pop(&popped);
    if (status) return cyl_gpu_unusable("no stream", cyl_gpu_error_name(status));
    static int watched;
    if (!watched) watched = !__register_atfork(NULL, NULL, cyl_gpu_forked, NULL);
    cyl_gpu.state = 1;
    return 0;
}

/* What the driver says of a status. */
static const char *cyl_gpu_error_text(int status) {
    const char *text = NULL;
    if (!cyl_gpu.error_text || cyl_gpu.error_text(status, &text) || !text) return "unknown error";
    return text;
}

/* Sets the exception for a failed call of the driver: MemoryError or RuntimeError.  Takes the GIL. */
static void cyl_gpu_raise_status(int status, const char *what, const char *kernel, const char *more) {
    PyGILState_STATE gil = PyGILState_Ensure();
    PyErr_Format(status == 2 ? PyExc_MemoryError : PyExc_RuntimeError, "GPU: %s of kernel '%s': %s (%s)%s",
                 what, kernel, cyl_gpu_error_text(status), cyl_gpu_error_name(status), more);
    PyGILState_Release(gil);
}

static uint64_t cyl_gpu_hash(const char *data, size_t length, uint64_t hash) {
    for (size_t at = 0; at < length; at++) hash = (hash ^ (unsigned char) data[at]) * 1099511628211ULL;
    return hash;
}

/* The file of the machine code for some PTX on this device under this driver; 0 where none is kept. */
static int cyl_gpu_cache_path(const char *ptx, size_t length, char *path, size_t size) {
    const char *folder = getenv("CYTHON_LLVM_CACHE_DIR"), *home = getenv("HOME");
    const char *caches = getenv("XDG_CACHE_HOME");
    const char *wanted = getenv("CYTHON_LLVM_CACHE");
    static const char *const off[] = {"0", "no", "false", "off"};
    for (int at = 0; wanted && at < 4; at++)
        if (!strcasecmp(wanted, off[at])) return 0;
    char made[3000];
    if (folder && *folder)
        snprintf(made, sizeof made, "%s/gpu", folder);
    else if (caches && *caches)
        snprintf(made, sizeof made, "%s/cython_llvm/gpu", caches);
    else if (home && *home)
        snprintf(made, sizeof made, "%s/.cache/cython_llvm/gpu", home);
    else
        return 0;
    for (char *at = made + 1; ; at++) {
        if (*at != '/' && *at) continue;
        char end = *at;
        *at = 0;
        if (mkdir(made, 0700) && errno != EEXIST) return 0;
        *at = end;
        if (!end) break;
    }
    uint64_t one = cyl_gpu_hash(ptx, length, 14695981039346656037ULL);
    uint64_t two = cyl_gpu_hash(ptx, length, one ^ 0x9e3779b97f4a7c15ULL);
    int wrote = snprintf(path, size, "%s/%016llx%016llx-sm%d%d-%d.cubin", made, (unsigned long long) one,
                         (unsigned long long) two, cyl_gpu.major, cyl_gpu.minor, cyl_gpu.version);
    return wrote > 0 && (size_t) wrote < size;
}

/* Before a binary in the cache: what it is, its length, its hash. */
typedef struct {
    char magic[8];
    uint64_t length, hash;
} cyl_gpu_head;

static cyl_gpu_head cyl_gpu_head_of(const char *data, size_t length) {
    cyl_gpu_head head = {"cylgpu1", length, cyl_gpu_hash(data, length, 14695981039346656037ULL)};
    return head;
}

/* The binary in a file, where it is as it was written: the driver believes what it is given. */
static char *cyl_gpu_read(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    cyl_gpu_head head, wanted;
    char *data = NULL;
    struct stat about;
    /* Nobody else's, and nobody else may have written to it. */
    int good = fread(&head, sizeof head, 1, file) == 1 && !fstat(fileno(file), &about) &&
               about.st_uid == geteuid() && !(about.st_mode & 022) && (uint64_t) about.st_size == sizeof head + head.length && (data = malloc(head.length + 1)) &&
               fread(data, 1, head.length, file) == head.length;
    fclose(file);
    if (good) {
        wanted = cyl_gpu_head_of(data, head.length);
        good = !memcmp(&head, &wanted, sizeof head);
    }
    if (good) return data;
    free(data);
    return NULL;
}

/* Whole or not at all. */
static void cyl_gpu_write(const char *path, const void *data, size_t length) {
    char temporary[4200];
    if (snprintf(temporary, sizeof temporary, "%s.%ld", path, (long) getpid()) >= (int) sizeof temporary)
        return;
    FILE *file = fopen(temporary, "wb");
    if (!file) return;
    cyl_gpu_head head = cyl_gpu_head_of(data, length);
    fchmod(fileno(file), 0600);
    int good = fwrite(&head, sizeof head, 1, file) == 1 && fwrite(data, 1, length, file) == length;
    good &= !fclose(file);
    if (!good || rename(temporary, path)) unlink(temporary);
}

/* What may help where PTX does not load: versions, and what the driver's compiler says. */
static char cyl_gpu_load_error[600];

static void cyl_gpu_load_failed(const char *ptx, const char *log) {
    const char *version = strstr(ptx, "\n.version ");
    int digits = version ? (int) strcspn(version += 10, "\n") : 0;
    snprintf(cyl_gpu_load_error, sizeof cyl_gpu_load_error,
             "; the driver is of CUDA %d.%d, the GPU's compute capability %d.%d, the code PTX %.*s%s%.300s",
             cyl_gpu.version / 1000, cyl_gpu.version % 1000 / 10, cyl_gpu.major, cyl_gpu.minor,
             digits, version ? version : "", *log ? "; " : "", log);
}

/* PTX as a module of the driver, by way of the cache. */
static int cyl_gpu_load(const char *ptx, size_t length, void **module) {
    char path[4096], log[2000] = "";
    int cached = cyl_gpu_cache_path(ptx, length, path, sizeof path);
    char *binary = cached ? cyl_gpu_read(path) : NULL;
    if (binary) {
        int status = cyl_gpu.load(module, binary);
        free(binary);
        if (!status) return 0;
    }
    void *link = NULL, *made = NULL;
    size_t size = 0;
    /* The buffer for errors, and its size. */
    int options[] = {5, 6};
    void *values[] = {log, (void *) (uintptr_t) (sizeof log - 1)};
    int status = cyl_gpu.link_create(2, options, values, &link);
    /* 1: PTX */
    if (!status) status = cyl_gpu.link_add(link, 1, (void *) ptx, length, "prange", 0, NULL, NULL);
    if (!status) status = cyl_gpu.link_complete(link, &made, &size);
    if (!status) status = cyl_gpu.load(module, made);
    if (!status && cached) cyl_gpu_write(path, made, size);
    if (link) cyl_gpu.link_destroy(link);
    if (status) cyl_gpu_load_failed(ptx, log);
    return status;
}
