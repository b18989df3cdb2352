// Luma in double precision: Y of JFIF, not rounded.
#pragma once

#include <cstddef>
#include <vector>

#include "common/image_view.h"
#include "common/ycbcr.h"

namespace saliency_jpeg::metrics {

struct LumaImage {
  int height = 0;
  int width = 0;
  std::vector<double> values;

  LumaImage(int h, int w) : height(h), width(w), values(static_cast<size_t>(h) * w) {}
  double* row(int y) { return values.data() + static_cast<size_t>(y) * width; }
  const double* row(int y) const { return values.data() + static_cast<size_t>(y) * width; }
};

// Writes the luma of each pixel, 0 to 255, to `out`.
inline void luma_from_srgb(const ImageView& rgb, double* out) {
  const uint8_t* pixel = rgb.data;
  for (size_t i = 0; i < rgb.pixels(); ++i, pixel += 3) {
    out[i] = kRedWeight * pixel[0] + kGreenWeight * pixel[1] + kBlueWeight * pixel[2];
  }
}

inline LumaImage luma_from_srgb(const ImageView& rgb) {
  LumaImage image(rgb.height, rgb.width);
  luma_from_srgb(rgb, image.values.data());
  return image;
}

}  // namespace saliency_jpeg::metrics
