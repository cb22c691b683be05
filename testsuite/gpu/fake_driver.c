/* A driver without a GPU: memory of the host as memory of the device, kernels run by loops, and every
   call noted.  FAKE_CUDA_FAIL="name:status[:n]" makes the n-th call of a function fail, FAKE_CUDA_NONE takes
   the GPU away, FAKE_CUDA_SLEEP=us makes launches last, FAKE_CUDA_VERSION and FAKE_CUDA_CAPABILITY are the driver's version and ten times the GPU's. */

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef uint64_t address;
typedef void (*run_grid)(void *kernel, int64_t *args, unsigned, unsigned, unsigned, unsigned, unsigned);

static char notes[1 << 20];
static size_t noted;

static struct known {
    char name[128];
    void *kernel;
    run_grid run;
} kernels[256];
static int nkernels;

/* What was called since the last time, a line each. */
const char *fake_notes(int clear) {
    static char copy[1 << 20];
    memcpy(copy, notes, noted);
    copy[noted] = 0;
    if (clear) noted = 0;
    return copy;
}

static int note(const char *name, const char *details) {
    if (noted < sizeof notes - 300)
        noted += (size_t) sprintf(notes + noted, "%s%s%s\n", name, *details ? " " : "", details);
    const char *fail = getenv("FAKE_CUDA_FAIL");
    size_t length = strlen(name);
    if (!fail || strncmp(fail, name, length) || fail[length] != ':') return 0;
    static char last[200];
    static int calls;
    if (strcmp(last, fail)) {
        snprintf(last, sizeof last, "%s", fail);
        calls = 0;
    }
    int status = atoi(fail + length + 1);
    const char *which = strchr(fail + length + 1, ':');
    calls++;
    return !which || calls == atoi(which + 1) ? status : 0;
}

#define NOTE(...) NOTE_ALL(__VA_ARGS__, "%s", "")
#define NOTE_ALL(name, format, ...) { \
    char details[200] = ""; \
    snprintf(details, sizeof details, format, __VA_ARGS__); \
    int failed = note(name, details); \
    if (failed) return failed; }

void cyl_fake_kernel(const char *name, void *kernel, void *run) {
    if (nkernels >= 256) return;
    snprintf(kernels[nkernels].name, sizeof kernels[0].name, "%s", name);
    kernels[nkernels].kernel = kernel;
    kernels[nkernels++].run = (run_grid) run;
}

int cuInit(unsigned flags) { NOTE("cuInit") return (int) flags; }
static int number(const char *variable, int otherwise) { const char *value = getenv(variable); return value ? atoi(value) : otherwise; }
int cuDriverGetVersion(int *version) { *version = number("FAKE_CUDA_VERSION", 12090); return 0; }
int cuDeviceGetCount(int *count) { NOTE("cuDeviceGetCount") *count = getenv("FAKE_CUDA_NONE") ? 0 : 1; return 0; }
int cuDeviceGet(int *device, int index) { *device = index; return 0; }
int cuDeviceGetName(char *name, int size, int device) { (void) device; snprintf(name, size, "Fake"); return 0; }
int cuDeviceGetAttribute(int *value, int which, int device) {
    (void) device;
    int capability = number("FAKE_CUDA_CAPABILITY", 90);
    *value = which == 75 ? capability / 10 : which == 76 ? capability % 10 : which == 16 ? 4 : 0;
    return 0;
}
int cuDeviceTotalMem_v2(size_t *size, int device) { (void) device; *size = 1 << 30; return 0; }
int cuDevicePrimaryCtxRetain(void **context, int device) { NOTE("cuDevicePrimaryCtxRetain") *context = (void *) (intptr_t) (device + 1); return 0; }
static __thread int depth;
int cuCtxPushCurrent_v2(void *context) { (void) context; NOTE("cuCtxPushCurrent") depth++; return 0; }
int cuCtxPopCurrent_v2(void **context) { *context = NULL; depth--; return note("cuCtxPopCurrent", ""); }
int cuMemGetInfo_v2(size_t *left, size_t *all) { *left = *all = 1 << 30; return 0; }
int cuStreamCreate(void **stream, unsigned flags) { (void) flags; *stream = (void *) 1; return 0; }
int cuStreamSynchronize(void *stream) { (void) stream; NOTE("cuStreamSynchronize") return depth ? 0 : 201; }
static const char binary[] = "cubin of fake";
int cuModuleLoadData(void **module, const void *image) {
    NOTE("cuModuleLoadData", "%.4s", (const char *) image)
    *module = (void *) 1;
    return memcmp(image, binary, sizeof binary) ? 200 : 0;
}
int cuModuleGetFunction(void **function, void *module, const char *name) {
    (void) module;
    NOTE("cuModuleGetFunction", "%s", name)
    for (int at = nkernels; at--;)
        if (!strcmp(kernels[at].name, name)) {
            *function = &kernels[at];
            return 0;
        }
    return 500;
}
static char *errors;
int cuLinkCreate_v2(unsigned n, int *options, void **values, void **state) {
    NOTE("cuLinkCreate")
    errors = NULL;
    for (unsigned at = 0; at < n; at++)
        if (options[at] == 5) errors = values[at];
    *state = (void *) 1;
    return 0;
}
int cuLinkAddData_v2(void *state, int kind, void *data, size_t size, const char *name, unsigned n, int *o, void **v) {
    (void) state; (void) name; (void) n; (void) o; (void) v;
    if (errors && getenv("FAKE_CUDA_LOG")) strcpy(errors, getenv("FAKE_CUDA_LOG"));
    NOTE("cuLinkAddData", "%d %d", kind, (int) (strlen(data) + 1 == size))
    return 0;
}
int cuLinkComplete(void *state, void **image, size_t *size) { (void) state; NOTE("cuLinkComplete") *image = (void *) (uintptr_t) binary; *size = sizeof binary; return 0; }
int cuLinkDestroy(void *state) { (void) state; return 0; }
int cuMemAlloc_v2(address *where, size_t size) { NOTE("cuMemAlloc", "%zu", size) *where = (address) (uintptr_t) malloc(size); return 0; }
static struct { address low, high; } managed[1024];
static int nmanaged;
int cuMemAllocManaged(address *where, size_t size, unsigned flags) {
    (void) flags;
    NOTE("cuMemAllocManaged", "%zu", size)
    *where = (address) (uintptr_t) malloc(size);
    managed[nmanaged].low = *where;
    managed[nmanaged++].high = *where + size;
    return 0;
}
int cuMemFree_v2(address where) {
    NOTE("cuMemFree")
    for (int at = 0; at < nmanaged; at++)
        if (managed[at].low == where) managed[at].low = managed[at].high = 0;
    free((void *) (uintptr_t) where);
    return 0;
}
int cuMemcpyHtoDAsync_v2(address to, const void *from, size_t size, void *stream) { (void) stream; NOTE("cuMemcpyHtoD", "%zu", size) memcpy((void *) (uintptr_t) to, from, size); return 0; }
int cuMemcpyDtoHAsync_v2(void *to, address from, size_t size, void *stream) { (void) stream; NOTE("cuMemcpyDtoH", "%zu", size) memcpy(to, (void *) (uintptr_t) from, size); return 0; }
int cuMemcpyDtoDAsync_v2(address to, address from, size_t size, void *stream) { (void) stream; NOTE("cuMemcpyDtoD", "%zu", size) memcpy((void *) (uintptr_t) to, (void *) (uintptr_t) from, size); return 0; }
int cuPointerGetAttribute(void *value, int which, address at) {
    for (int n = 0; n < nmanaged; n++)
        if (at >= managed[n].low && at < managed[n].high) {
            *(unsigned *) value = which == 8 ? 1 : 2;
            return 0;
        }
    return 1;
}
int cuOccupancyMaxPotentialBlockSize(int *least, int *size, void *f, void *dynamic, size_t shared, int limit) {
    (void) f; (void) dynamic; (void) shared; (void) limit;
    *least = 8;
    *size = 512;
    return 0;
}
int cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, void *stream, void **parameters, void **extra) {
    (void) bz; (void) shared; (void) stream; (void) extra;
    if (gz == 1)
        NOTE("cuLaunchKernel", "%ux%u %ux%u", gx, gy, bx, by)
    else
        NOTE("cuLaunchKernel", "%ux%ux%u %ux%u", gx, gy, gz, bx, by)
    if (getenv("FAKE_CUDA_SLEEP")) usleep((unsigned) number("FAKE_CUDA_SLEEP", 0));
    const struct known *one = function;
    one->run(one->kernel, parameters[0], gx, gy, gz, bx, by);
    return 0;
}
int cuEventCreate(void **event, unsigned flags) { (void) flags; *event = (void *) 1; return 0; }
int cuEventRecord(void *event, void *stream) { (void) event; (void) stream; return 0; }
int cuEventElapsedTime(float *time, void *a, void *b) { (void) a; (void) b; *time = 1; return 0; }
static const struct { int status; const char *name, *text; } meanings[] = {
    {2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {200, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {201, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {209, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"},
    {218, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the provided PTX was compiled with an unsupported toolchain."},
    {719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {801, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    {0, "CUDA_ERROR_FAKE", "a fake error"},
};
static int meaning(int status) {
    int at = 0;
    while (meanings[at].status && meanings[at].status != status) at++;
    return at;
}
int cuGetErrorName(int status, const char **name) { *name = meanings[meaning(status)].name; return 0; }
int cuGetErrorString(int status, const char **text) { *text = meanings[meaning(status)].text; return 0; }
