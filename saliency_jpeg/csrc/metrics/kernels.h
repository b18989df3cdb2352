// The inner loops of SSIMULACRA2, one set for each instruction set.  All sets return the same values.
//
// The metric is defined with fused multiply-add, which common CPUs have only together with AVX2.  So these loops cannot
// be plain C++ that the compiler copies for AVX2 (SJ_MULTIVERSION); see common/simd.h.
#pragma once

#include <cstddef>

#include "metrics/recursive_gaussian.h"
#include "metrics/strips.h"

namespace saliency_jpeg::metrics {

constexpr int kMaps = 3;  // lost structure, added edges, lost edges
constexpr int kNorms = 2;

// The input of the error maps for one strip: `height` rows of kStripWidth values each.  A mean is a Gaussian blur.
struct StripPair {
  const float* reference;
  const float* reference_mean;
  const float* reference_square;  // mean of the square
  const float* distorted;
  const float* distorted_mean;
  const float* distorted_square;
  const float* product;  // mean of reference * distorted
};

// Sums over the rows of a strip, one for each column: of the error (norm 0) and of its fourth power (norm 1).
struct StripSums {
  double sum[kMaps][kNorms][kStripWidth] = {};
};

struct Kernels {
  const char* name;
  // Converts rows of linear RGB (`strips` * kStripWidth values each) to XYB, shifted to be positive.  The strips of an
  // XYB plane are `step` values apart.
  void (*xyb_row)(const float* const linear[3], int strips, float* const xyb[3], size_t step);
  // Blurs the rows begin to end - 1, multiples of kLanes, of `a`, or of a * b if `b` is not null.  `line` has
  // row_scratch_size() floats of scratch memory.
  void (*blur_rows)(const RecursiveGaussian& filter, const StripPlane& a, const StripPlane* b, int begin, int end,
                    StripPlane& out, float* line);
  // Blurs the columns of one strip.
  void (*blur_columns)(const RecursiveGaussian& filter, const float* in, int height, float* out);
  void (*add_errors)(const StripPair& pair, int height, StripSums& sums);
};

size_t row_scratch_size(const RecursiveGaussian& filter, const Shape& shape);

const Kernels& portable_kernels();
const Kernels* avx2_kernels();  // null if the CPU or the compiler does not support AVX2
const Kernels& best_kernels();

}  // namespace saliency_jpeg::metrics
