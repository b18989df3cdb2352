// Y of JFIF in double precision, not rounded.
#ifndef SALIENCY_JPEG_METRICS_LUMA_H_
#define SALIENCY_JPEG_METRICS_LUMA_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace saliency_jpeg::metrics {

struct LumaImage {
  int height = 0;
  int width = 0;
  std::vector<double> values;

  LumaImage(int h, int w) : height(h), width(w), values(static_cast<std::size_t>(h) * w) {}
  double* row(int y) { return values.data() + static_cast<std::size_t>(y) * width; }
  const double* row(int y) const { return values.data() + static_cast<std::size_t>(y) * width; }
};

// `out` takes `pixels` values from 0 to 255.
inline void luma_from_srgb(const std::uint8_t* rgb, std::size_t pixels, double* out) {
  for (std::size_t i = 0; i < pixels; ++i)
    out[i] = 0.299 * rgb[3 * i] + 0.587 * rgb[3 * i + 1] + 0.114 * rgb[3 * i + 2];
}

inline LumaImage luma_from_srgb(const std::uint8_t* rgb, int height, int width) {
  LumaImage image(height, width);
  luma_from_srgb(rgb, image.values.size(), image.values.data());
  return image;
}

}  // namespace saliency_jpeg::metrics

#endif  // SALIENCY_JPEG_METRICS_LUMA_H_
