// Resizing of 8-bit pictures for a network, and enlarging of its maps.  Integers and single precision in a fixed order:
// the results are those of OpenCV's resize(), to the bit, on every processor.
#pragma once

#include <cstdint>

#include "common/image_view.h"

namespace saliency_jpeg::image {

// Averages areas, as INTER_AREA: each pixel of the result is the mean of the area that it covers, rounded half to even;
// of 2x2 whole pixels, half up.  Neither side may grow.
void resize_area(const ImageView& in, int height, int width, uint8_t* out);

// Interpolates between the four nearest pixels with weights of 11 bits, as INTER_LINEAR.
void resize_linear(const ImageView& in, int height, int width, uint8_t* out);

// Divides both sides by 2 or 4.  A pixel becomes the mean of four, of 2x2 or of the middle of 4x4, rounded half up. The
// first square begins at `first_row` and `first_col`, which are at most what both divisions leave over.
void mean_of_four(const ImageView& in, int divisor, int first_row, int first_col, uint8_t* out);

// Enlarges one channel with weights of 8 bits, as INTER_LINEAR_EXACT, and writes `table` at each value.
void enlarge_exact(const ImageView& in, int height, int width, const float* table, float* out);

}  // namespace saliency_jpeg::image
