// Changes the luma so that decoded pixels keep their lightness although the chroma has errors.
#pragma once

#include <cstdint>

#include "codec/types.h"
#include "common/image_view.h"

namespace saliency_jpeg::codec {

// The chroma of a file: levels and tables of Cb and Cr.  One sample stands for h x v pixels.
struct CodedChroma {
  LevelView levels[2];
  const uint16_t* tables[2];
  int h = 1;
  int v = 1;
};

// Writes the luma coefficients of an RGB image to `out`.
//
// Subsampling and quantization of the chroma change red, green and blue of a decoded pixel by d_i, and its lightness by
// about the sum of w_i * g_i * d_i.  Here w_i are the luma weights of BT.601, and g_i is the change of light per step
// of the sample.  The luma is changed by the opposite amount, times `strength`.
void compensated_luma(const ImageView& image, const CodedChroma& chroma, float strength, const BlockView<float>& out);

}  // namespace saliency_jpeg::codec
