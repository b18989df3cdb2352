// Quantizes DC: a path through all blocks of a component that minimises distortion + lambda * bits of the differences.
#pragma once

#include <cstdint>

#include "codec/types.h"

namespace saliency_jpeg::codec {

struct DcParameters {
  uint16_t step = 1;
  float sensitivity = 1;                // cost of one squared step of error
  const float* symbol_costs = nullptr;  // (12,) bits of each category, raw bits included (T.81 F.1.2.1)
};

// Replaces the DC level of every block by the integer below or above coefficient / step.  Minimises
//
//   sum over b of sensitivity * (coefficient[b] / step - level[b])^2   +   block_lambda[b] * bits(level[b] - level[b -
//   1])
//
// over all blocks b in raster order, the order of a scan of this component alone; level[-1] is 0.  The coefficient of
// block b is coefficients[b * stride].
void quantize_dc(const float* coefficients, size_t stride, const DcParameters& parameters, const float* block_lambda,
                 const BlockView<int16_t>& levels);

}  // namespace saliency_jpeg::codec
