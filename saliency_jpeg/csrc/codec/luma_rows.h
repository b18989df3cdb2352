// The DCT coefficients of the luma of an image, computed row of blocks by row of blocks from its pixels.
#pragma once

#include <cstdint>
#include <vector>

#include "codec/types.h"
#include "codec/upsample.h"
#include "common/image_view.h"

namespace saliency_jpeg::codec {

// The chroma of a file: levels and tables of Cb and Cr.  One sample stands for h x v pixels.
struct CodedChroma {
  LevelView levels[2];
  const uint16_t* tables[2] = {};
  int h = 1;
  int v = 1;
};

// What the luma is computed from.
//
// With `chroma`, the luma of an RGB image makes up for the errors of the chroma, so that decoded pixels keep their
// lightness.  Subsampling and quantization of the chroma change red, green and blue of a decoded pixel by d_i, and its
// lightness by about the sum of w_i * g_i * d_i.  Here w_i are the luma weights of BT.601, and g_i is the change of
// light per step of the sample.  The luma is changed by the opposite amount, times `strength`.
struct LumaSource {
  ImageView image;
  const CodedChroma* chroma = nullptr;
  float strength = 0;

  int rows() const { return blocks_along(image.height, 1, 1); }
  int cols() const { return blocks_along(image.width, 1, 1); }
};

// The rows of blocks from `begin` to `end`.
class LumaRows {
 public:
  LumaRows(const LumaSource& source, int begin, int end);

  // Computes one row: 64 * cols() coefficients.
  void transform(int row, float* coefficients);

  // The samples of the row that was computed last, before they made up for the chroma: 8 rows of stride().
  const float* original() const { return original_.data(); }
  size_t stride() const { return stride_; }

 private:
  void decode_chroma(int begin, int end);
  void load_row(int y, size_t line);

  const LumaSource& source_;
  size_t stride_;
  std::vector<float> original_, moved_, cb_, cr_;
  std::vector<float> decoded_[2];
  std::vector<Upsampler> upsamplers_;
};

// Computes every n-th row of blocks into the rows of `out`.
void luma_blocks(const LumaSource& source, int every, int threads, const BlockView<float>& out);

}  // namespace saliency_jpeg::codec
