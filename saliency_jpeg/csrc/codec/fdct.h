// The 8x8 forward DCT of T.81 A.3.3 in float.
#pragma once

#include <cstddef>

namespace jpegcore {

// Transforms `count` neighbouring blocks.  Block i reads samples[y * stride + 8 * i + x] and writes 64 coefficients,
// natural order, to coefficients + 64 * i.  Scaling as in T.81: DC is eight times the mean.
void forward_dct_row(const float* samples, size_t stride, int count, float* coefficients);

}  // namespace jpegcore
