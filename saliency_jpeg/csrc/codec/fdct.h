// The 8x8 forward DCT of T.81 A.3.3 in float.
#pragma once

#include <cstddef>

namespace saliency_jpeg::codec {

// Transforms `count` blocks in a row.  Block i is samples[y * stride + 8 * i + x]; its 64 coefficients, natural order,
// go to coefficients + 64 * i.  Scaled as in T.81: DC is eight times the mean.
void forward_dct_row(const float* samples, size_t stride, int count, float* coefficients);

}  // namespace saliency_jpeg::codec
