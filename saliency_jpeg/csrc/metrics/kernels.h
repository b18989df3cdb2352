// The inner loops of SSIMULACRA2, one set for each instruction set; all sets give the same values.
#ifndef SALIENCY_JPEG_METRICS_KERNELS_H_
#define SALIENCY_JPEG_METRICS_KERNELS_H_

#include <cstddef>

#include "metrics/recursive_gaussian.h"
#include "metrics/strips.h"

namespace saliency_jpeg::metrics {

constexpr int kMaps = 3;  // structure lost, edges added, edges lost
constexpr int kNorms = 2;

// Everything the error maps need to know of one strip, each `height` rows of kStripWidth values.
struct StripPair {
  const float* reference;
  const float* reference_mean;
  const float* reference_square;  // mean of the square
  const float* distorted;
  const float* distorted_mean;
  const float* distorted_square;
  const float* product;  // mean of reference * distorted
};

// Sums over the rows of a strip, for each column: of the error (norm 0) and of its fourth power (norm 1).
struct StripSums {
  double sum[kMaps][kNorms][kStripWidth] = {};
};

struct Kernels {
  const char* name;
  // Linear RGB rows (`strips` * kStripWidth values each) to positive XYB; the strips of a plane are `step` apart.
  void (*xyb_row)(const float* const linear[3], int strips, float* const xyb[3], std::size_t step);
  // Gaussian along the rows of `a`, or of a * b where b is not null. `line` holds row_scratch_size floats.
  void (*blur_rows)(const RecursiveGaussian& filter, const StripPlane& a, const StripPlane* b, StripPlane* out,
                    float* line);
  // Gaussian down the columns of one strip.
  void (*blur_columns)(const RecursiveGaussian& filter, const float* in, int height, float* out);
  void (*add_errors)(const StripPair& pair, int height, StripSums* sums);
};

std::size_t row_scratch_size(const RecursiveGaussian& filter, const Shape& shape);

const Kernels& portable_kernels();
const Kernels* avx2_kernels();  // null where this CPU or compiler has none
const Kernels& best_kernels();

}  // namespace saliency_jpeg::metrics

#endif  // SALIENCY_JPEG_METRICS_KERNELS_H_
