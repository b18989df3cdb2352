#include "metrics/kernels.h"

#if defined(__x86_64__) && defined(__GNUC__)

#define SJ_KERNEL __attribute__((target("avx2,fma")))

#include "metrics/kernels_impl.h"
#include "metrics/lanes_avx2.h"

namespace saliency_jpeg::metrics {

const Kernels* avx2_kernels() {
  static constexpr Kernels kKernels = make_kernels<Avx2Lanes>("avx2");
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &kKernels : nullptr;
}

}  // namespace saliency_jpeg::metrics

#else

namespace saliency_jpeg::metrics {

const Kernels* avx2_kernels() { return nullptr; }

}  // namespace saliency_jpeg::metrics

#endif
