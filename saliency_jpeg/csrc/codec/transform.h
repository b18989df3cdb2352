// Transforms pixels into the DCT coefficients of every component.
#pragma once

#include "codec/types.h"
#include "common/image_view.h"

namespace saliency_jpeg::codec {

// Sets coefficients[c] for each component c: one for a gray image, Y, Cb and Cr for RGB.  One chroma sample stands for
// h x v pixels.  The arrays must have the size that blocks_along() returns.
void forward_dct(const ImageView& image, int h, int v, int threads, const BlockView<float>* coefficients);

// What block weights are computed from, a number for each luma block in raster order.
struct LumaStatistics {
  float* dc;         // the DC coefficients
  double* activity;  // the sums of the squares of the AC coefficients
};

// Does the same, but keeps of the luma these statistics alone: sets chroma[0] for Cb and chroma[1] for Cr.
void analyze(const ImageView& image, int h, int v, int threads, const LumaStatistics& luma,
             const BlockView<float>* chroma);

}  // namespace saliency_jpeg::codec
