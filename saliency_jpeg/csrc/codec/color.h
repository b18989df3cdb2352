// Converts pixels to component samples: JFIF YCbCr, edge replication, chroma subsampling.
#pragma once

#include <cstddef>
#include <cstdint>

namespace saliency_jpeg::codec {

// Converts `width` RGB pixels to YCbCr (JFIF 1.02) and subtracts 128 from Y (T.81 A.3.1; in Cb and Cr, that and JFIF's
// +128 cancel).  Extends the rows to `padded` samples by repeating the last one.
void rgb_row_to_ycbcr(const uint8_t* rgb, int width, int padded, float* y, float* cb, float* cr);

// Computes Y alone.
void rgb_row_to_y(const uint8_t* rgb, int width, int padded, float* y);

// Does the same for a row of gray pixels.
void gray_row_to_y(const uint8_t* gray, int width, int padded, float* y);

// Halves a row with the filter (-1, 6, 6, -1) / 10; reads row[-1] to row[2 * out_width].  The negative taps sharpen:
// they compensate for the blur of decoders that interpolate chroma.
void halve_row(const float* row, int out_width, float* out);

// Combines four rows into one with the same filter.
void halve_rows(const float* const rows[4], int width, float* out);

// Averages `h` neighbouring samples.
void average_row(const float* row, int h, int out_width, float* out);

}  // namespace saliency_jpeg::codec
