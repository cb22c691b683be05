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
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef uint64_t cyl_address;

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

/* Opens driver and device once; 0, or -1 with a reason.  The lock is held. */
static int cyl_gpu_start(void) {
    if (cyl_gpu.state) return cyl_gpu.state > 0 ? 0 : -1;
    const char *path = getenv("CYTHON_LLVM_CUDA_DRIVER");
    if (!path || !*path) path = "libcuda.so.1";
    cyl_gpu.library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!cyl_gpu.library) return cyl_gpu_unusable("no NVIDIA driver", dlerror());
#define X(name, symbol, parameters) \
    *(void **) &cyl_gpu.name = dlsym(cyl_gpu.library, symbol); \
    if (!cyl_gpu.name) return cyl_gpu_unusable("the driver is too old", "it has no " symbol);
    CYL_CUDA(X)
#undef X
    int status, count = 0;
    const char *wanted = getenv("CYTHON_LLVM_GPU");
    int index = wanted && *wanted ? atoi(wanted) : 0;
    if ((status = cyl_gpu.init(0))) return cyl_gpu_unusable("cuInit", cyl_gpu_error_name(status));
    if ((status = cyl_gpu.count(&count)) || count == 0)
        return cyl_gpu_unusable("no GPU", status ? cyl_gpu_error_name(status) : "the driver finds none");
    if (index < 0 || index >= count) return cyl_gpu_unusable("CYTHON_LLVM_GPU", "there is no such GPU");
    if ((status = cyl_gpu.get_device(&cyl_gpu.device, index)) ||
        (status = cyl_gpu.get_version(&cyl_gpu.version)) ||
        (status = cyl_gpu.device_name(cyl_gpu.name, sizeof cyl_gpu.name, cyl_gpu.device)) ||
        (status = cyl_gpu.attribute(&cyl_gpu.major, 75, cyl_gpu.device)) ||
        (status = cyl_gpu.attribute(&cyl_gpu.minor, 76, cyl_gpu.device)))
        return cyl_gpu_unusable("the GPU does not answer", cyl_gpu_error_name(status));
    if (cyl_gpu.major < 7) return cyl_gpu_unusable(cyl_gpu.name, "older than compute capability 7.0");
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
    cyl_gpu.state = 1;
    return 0;
}

/* Sets the exception for a failed call of the driver: MemoryError or RuntimeError.  Takes the GIL. */
static void cyl_gpu_raise_status(int status, const char *what, const char *kernel) {
    const char *text = NULL;
    cyl_gpu.error_text(status, &text);
    PyGILState_STATE gil = PyGILState_Ensure();
    PyErr_Format(status == 2 ? PyExc_MemoryError : PyExc_RuntimeError, "GPU: %s of kernel '%s': %s (%s)",
                 what, kernel, text ? text : "unknown error", cyl_gpu_error_name(status));
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
        if (mkdir(made, 0777) && errno != EEXIST) return 0;
        *at = end;
        if (!end) break;
    }
    uint64_t one = cyl_gpu_hash(ptx, length, 14695981039346656037ULL);
    uint64_t two = cyl_gpu_hash(ptx, length, one ^ 0x9e3779b97f4a7c15ULL);
    int wrote = snprintf(path, size, "%s/%016llx%016llx-sm%d%d-%d.cubin", made, (unsigned long long) one,
                         (unsigned long long) two, cyl_gpu.major, cyl_gpu.minor, cyl_gpu.version);
    return wrote > 0 && (size_t) wrote < size;
}

static char *cyl_gpu_read(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    char *data = NULL;
    if (!fseek(file, 0, SEEK_END)) {
        long size = ftell(file);
        rewind(file);
        if (size > 0 && (data = malloc((size_t) size)) &&
            fread(data, 1, (size_t) size, file) != (size_t) size) {
            free(data);
            data = NULL;
        }
        *length = (size_t) size;
    }
    fclose(file);
    return data;
}

/* Whole or not at all. */
static void cyl_gpu_write(const char *path, const void *data, size_t length) {
    char temporary[4200];
    if (snprintf(temporary, sizeof temporary, "%s.%ld", path, (long) getpid()) >= (int) sizeof temporary)
        return;
    FILE *file = fopen(temporary, "wb");
    if (!file) return;
    int good = fwrite(data, 1, length, file) == length;
    good &= !fclose(file);
    if (!good || rename(temporary, path)) unlink(temporary);
}

/* PTX as a module of the driver, by way of the cache. */
static int cyl_gpu_load(const char *ptx, size_t length, void **module) {
    char path[4096];
    int cached = cyl_gpu_cache_path(ptx, length, path, sizeof path);
    size_t size = 0;
    char *binary = cached ? cyl_gpu_read(path, &size) : NULL;
    if (binary) {
        int status = cyl_gpu.load(module, binary);
        free(binary);
        if (!status) return 0;
        unlink(path);
    }
    if (!cached) return cyl_gpu.load(module, ptx);
    void *link = NULL, *made = NULL;
    int status = cyl_gpu.link_create(0, NULL, NULL, &link);
    if (status) return status;
    /* 1: PTX */
    status = cyl_gpu.link_add(link, 1, (void *) ptx, length, "prange", 0, NULL, NULL);
    if (!status) status = cyl_gpu.link_complete(link, &made, &size);
    if (!status) status = cyl_gpu.load(module, made);
    if (!status) cyl_gpu_write(path, made, size);
    cyl_gpu.link_destroy(link);
    return status;
}
