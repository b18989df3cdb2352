#define SJ_KERNEL

#include "metrics/kernels.h"
#include "metrics/kernels_impl.h"
#include "metrics/lanes.h"

namespace saliency_jpeg::metrics {

size_t row_scratch_size(const RecursiveGaussian& filter, const Shape& shape) {
  return static_cast<size_t>(shape.padded_width() + 3 * filter.radius) * kLanes;
}

const Kernels& portable_kernels() {
  static constexpr Kernels kKernels = make_kernels<PortableLanes>("portable");
  return kKernels;
}

const Kernels& best_kernels() {
  const Kernels* avx2 = avx2_kernels();
  return avx2 ? *avx2 : portable_kernels();
}

}  // namespace saliency_jpeg::metrics
