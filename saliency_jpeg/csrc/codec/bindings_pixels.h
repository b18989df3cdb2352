// What binding files that take pixels share.
#pragma once

#include <utility>
#include <vector>

#include "codec/bindings.h"
#include "codec/luma_rows.h"
#include "common/image_view.h"

namespace saliency_jpeg::codec {

// Checks an image, gray or RGB, and its sides.
inline ImageView pixels_view(const Array<uint8_t>& image) {
  const bool is_gray = image.ndim() == 2;
  const ImageView view =
      is_gray ? ImageView{image.data(), static_cast<int>(image.shape(0)), static_cast<int>(image.shape(1)), 1}
              : rgb_view(image, "a color image");
  require_in(view.height, 1, kMaxDimension, "the height");
  require_in(view.width, 1, kMaxDimension, "the width");
  return view;
}

inline void check_sampling(int h, int v) {
  require_in(h, 1, kMaxSamplingFactor, "h");
  require_in(v, 1, kMaxSamplingFactor, "v");
}

// The errors of quantized chroma, and how much of them the luma makes up for.
struct ChromaErrors {
  ChromaErrors(std::vector<Array<int16_t>> all_levels, Array<uint16_t> steps, int h, int v, float share)
      : levels(std::move(all_levels)), tables(std::move(steps)), strength(share) {
    check_sampling(h, v);
    require_equal(static_cast<long>(levels.size()), 2, "the number of arrays in levels (those of Cb and Cr)");
    require_shape(tables, {2, kBlockSize}, "tables");
    for (int c = 0; c < 2; ++c) {
      coded.levels[c] = block_view(levels[c], "levels");
      coded.tables[c] = tables.data(c);
    }
    coded.h = h;
    coded.v = v;
  }

  std::vector<Array<int16_t>> levels;
  Array<uint16_t> tables;
  CodedChroma coded;  // views of the arrays
  float strength;
};

// `chroma` may be null.
inline LumaSource luma_source(const Array<uint8_t>& image, const ChromaErrors* chroma) {
  const ImageView view = pixels_view(image);
  if (chroma == nullptr) return {view, nullptr, 0};
  require(view.channels == 3, "chroma does not go with a gray image");
  const ShapeVector shape{blocks_along(view.height, 1, chroma->coded.v), blocks_along(view.width, 1, chroma->coded.h),
                          kBlockSize};
  for (const Array<int16_t>& component : chroma->levels) require_shape(component, shape, "the levels of Cb and Cr");
  return {view, &chroma->coded, chroma->strength};
}

}  // namespace saliency_jpeg::codec
