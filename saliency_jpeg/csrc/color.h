// Pixels to component samples: JFIF YCbCr, edge replication, chroma averaging.
#pragma once

#include <cstddef>
#include <cstdint>

namespace jpegcore {

// RGB to YCbCr (JFIF 1.02; ITU-R BT.601 full range), level-shifted to -128..127 as T.81 A.3.1 asks.  `rgb` holds
// `width` pixels; the three rows are filled to `padded` samples by repeating the last one.
void rgb_row_to_ycbcr(const uint8_t* rgb, int width, int padded, float* y, float* cb, float* cr);

// The same for one gray row.
void gray_row(const uint8_t* gray, int width, int padded, float* y);

// Means of h x v boxes: `out_width` samples from `v` rows that lie `stride` apart.
void average_row(const float* rows, size_t stride, int h, int v, int out_width, float* out);

}  // namespace jpegcore
