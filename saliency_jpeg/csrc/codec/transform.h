// Pixels in, DCT coefficients of every component out.
#pragma once

#include <cstdint>

#include "codec/types.h"

namespace jpegcore {

// An image of 8-bit samples, rows packed: channels is 1 (gray) or 3 (RGB).
struct ImageView {
  const uint8_t* data = nullptr;
  int height = 0;
  int width = 0;
  int channels = 0;
};

// Fills coefficients[c] for each component: one for gray, Y Cb Cr for RGB with the chroma of h x v pixels in one
// sample. The arrays must have the size that blocks_along() gives.
void forward_dct(const ImageView& image, int h, int v, const BlockView<float>* coefficients);

}  // namespace jpegcore
