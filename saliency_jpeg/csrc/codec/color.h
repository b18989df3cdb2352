// Pixels to component samples: JFIF YCbCr, edge replication, chroma subsampling.
#pragma once

#include <cstddef>
#include <cstdint>

namespace jpegcore {

// RGB to YCbCr (JFIF 1.02; ITU-R BT.601 full range), level-shifted to -128..127 as T.81 A.3.1 asks.  `rgb` holds
// `width` pixels; the three rows are filled to `padded` samples by repeating the last one.
void rgb_row_to_ycbcr(const uint8_t* rgb, int width, int padded, float* y, float* cb, float* cr);

// The same for one gray row.
void gray_row(const uint8_t* gray, int width, int padded, float* y);

// Halves a row: four taps (-1, 6, 6, -1) / 10 round each pair, `row[-1]` and `row[2 * out_width]` included.  Decoders
// that interpolate blur what a plain mean has blurred already; the outer taps take that back.
void halve_row(const float* row, int out_width, float* out);

// The same down a column: four rows into one.
void halve_rows(const float* const rows[4], int width, float* out);

// Means of `h` neighbours.
void average_row(const float* row, int h, int out_width, float* out);

}  // namespace jpegcore
