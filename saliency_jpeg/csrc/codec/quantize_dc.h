// DC levels: a path through all blocks of a component that weighs distortion against the bits of the differences.
#pragma once

#include <cstdint>

#include "codec/types.h"

namespace jpegcore {

struct DcRule {
  uint16_t step = 1;
  float sensitivity = 1;          // cost of one squared step of error
  const float* prices = nullptr;  // (12,) bits of each category with its raw bits (T.81 F.1.2.1)
};

// Replaces the DC level of every block by the integer below or above coefficient / step, so that
// sum_b sensitivity (x_b / q - level_b)^2 + lambda_b * bits(level_b - level_{b-1}) is minimal, blocks in raster order
// as a scan of this component alone sends them.
void quantize_dc(const CoefficientView& coefficients, const DcRule& rule, const float* block_lambda,
                 const BlockView<int16_t>& levels);

}  // namespace jpegcore
