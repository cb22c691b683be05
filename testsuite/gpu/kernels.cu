// The loops of examples/gpu_kernels.pyx as one writes them in CUDA.
typedef long long word;
#define AT ((word) blockIdx.x * blockDim.x + threadIdx.x)

extern "C" __global__ void mandelbrot(int *out, word rows, word columns, double left, double top, double step,
                                      int most) {
    word j = AT, i = (word) blockIdx.y * blockDim.y + threadIdx.y;
    if (i >= rows || j >= columns) return;
    double cr = left + j * step, ci = top - i * step, zr = 0, zi = 0;
    int k = 0;
    while (k < most && zr * zr + zi * zi <= 4) {
        double t = zr * zr - zi * zi + cr;
        zi = 2 * zr * zi + ci;
        zr = t;
        k++;
    }
    out[i * columns + j] = k;
}

__device__ double normal(double x) { return 0.5 * (1 + erf(x / sqrt(2.0))); }

extern "C" __global__ void black_scholes(const double *price, const double *strike, const double *years,
                                         double rate, double volatility, double *call, word n) {
    word i = AT;
    if (i >= n) return;
    double root = volatility * sqrt(years[i]);
    double d1 = (log(price[i] / strike[i]) + (rate + volatility * volatility / 2) * years[i]) / root;
    double d2 = d1 - root;
    call[i] = price[i] * normal(d1) - strike[i] * exp(-rate * years[i]) * normal(d2);
}

extern "C" __global__ void all_pairs(const double *points, double *out, word n, word dims) {
    word j = AT, i = (word) blockIdx.y * blockDim.y + threadIdx.y;
    if (i >= n || j >= n) return;
    double s = 0;
    for (word k = 0; k < dims; k++) {
        double d = points[i * dims + k] - points[j * dims + k];
        s += d * d;
    }
    out[i * n + j] = sqrt(s);
}

extern "C" __global__ void difference(const double *x, const double *y, double *out, word n) {
    word i = AT;
    if (i < n) out[i] = 2 * (x[i] - y[i]) / (x[i] + y[i]);
}

extern "C" __global__ void stencil(const double *a, double *out, word rows, word columns) {
    word j = AT + 1, i = (word) blockIdx.y * blockDim.y + threadIdx.y + 1;
    if (i >= rows - 1 || j >= columns - 1) return;
    const double *at = a + i * columns + j;
    out[i * columns + j] = 0.25 * (at[-columns] + at[columns] + at[-1] + at[1]);
}

extern "C" __global__ void total(const double *x, double *into, word n) {
    __shared__ double parts[256];
    double s = 0;
    for (word i = AT; i < n; i += (word) gridDim.x * blockDim.x) s += sin(x[i]) * x[i];
    parts[threadIdx.x] = s;
    for (int half = 128; half; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
    }
    if (!threadIdx.x) atomicAdd(into, parts[0]);
}
