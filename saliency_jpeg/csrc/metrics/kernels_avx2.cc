#include "common/simd.h"
#include "metrics/kernels.h"

#if SJ_HAS_AVX2

#define SJ_KERNEL SJ_TARGET_AVX2

#include "metrics/kernels_impl.h"
#include "metrics/lanes_avx2.h"

namespace saliency_jpeg::metrics {

const Kernels* avx2_kernels() {
  static constexpr Kernels kKernels = make_kernels<Avx2Lanes>("avx2");
  return cpu_has_avx2_and_fma() ? &kKernels : nullptr;
}

}  // namespace saliency_jpeg::metrics

#else

namespace saliency_jpeg::metrics {

const Kernels* avx2_kernels() { return nullptr; }

}  // namespace saliency_jpeg::metrics

#endif
