// Transforms pixels into the DCT coefficients of every component.
#pragma once

#include "codec/types.h"
#include "common/image_view.h"

namespace saliency_jpeg::codec {

// Sets coefficients[c] for each component c: one for a gray image, Y, Cb and Cr for RGB.  One chroma sample stands for
// h x v pixels.  The arrays must have the size that blocks_along() returns.
void forward_dct(const ImageView& image, int h, int v, const BlockView<float>* coefficients);

}  // namespace saliency_jpeg::codec
