// Luma that makes up for what chroma loses.
#pragma once

#include <cstdint>

#include "codec/transform.h"
#include "codec/types.h"

namespace jpegcore {

// The chroma of a file as its decoder will see it: levels and tables of Cb and Cr, and the pixels that one sample
// stands for, across and down.
struct CodedChroma {
  LevelView levels[2];
  const uint16_t* tables[2];
  int h = 1;
  int v = 1;
};

// Fills `out` with the luma coefficients of an RGB image, its luma moved to where decoded pixels keep their lightness.
//
// Red, green and blue that come back off by d_i shift the lightness of a pixel by about sum w_i g_i d_i, with w the
// weights of luma (BT.601) and g_i how much light a step of the sample makes there; the luma moves by `strength` times
// as much the other way.
void compensated_luma(const ImageView& image, const CodedChroma& chroma, float strength, const BlockView<float>& out);

}  // namespace jpegcore
