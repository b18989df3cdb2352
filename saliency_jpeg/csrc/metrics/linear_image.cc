#include "metrics/linear_image.h"

#include <algorithm>

#include "metrics/srgb_curve.h"

namespace saliency_jpeg::metrics {
namespace {

void halve_row(const float* top, const float* bottom, int width, float* out) {
  for (int x = 0; x + 1 < width; x += 2) {
    out[x / 2] = (((top[x] + top[x + 1]) + bottom[x]) + bottom[x + 1]) * 0.25f;
  }
  if (width % 2) out[width / 2] = (((top[width - 1] + top[width - 1]) + bottom[width - 1]) + bottom[width - 1]) * 0.25f;
}

}  // namespace

LinearImage linear_from_srgb(const ImageView& rgb) {
  const SrgbCurve& curve = SrgbCurve::get();
  LinearImage image(Shape{rgb.height, rgb.width});
  for (int y = 0; y < rgb.height; ++y) {
    const uint8_t* pixel = rgb.row(y);
    float *r = image.row(0, y), *g = image.row(1, y), *b = image.row(2, y);
    for (int x = 0; x < rgb.width; ++x, pixel += 3) {
      r[x] = curve.linear(pixel[0]);
      g[x] = curve.linear(pixel[1]);
      b[x] = curve.linear(pixel[2]);
    }
  }
  return image;
}

LinearImage halve(const LinearImage& image) {
  LinearImage half(Shape{(image.shape.height + 1) / 2, (image.shape.width + 1) / 2});
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < half.shape.height; ++y) {
      const int bottom = std::min(2 * y + 1, image.shape.height - 1);
      halve_row(image.row(c, 2 * y), image.row(c, bottom), image.shape.width, half.row(c, y));
    }
  }
  return half;
}

void clear_padding(StripPlane& plane) {
  const Shape& shape = plane.shape;
  const int last = shape.strips() - 1, cols = shape.width - last * kStripWidth;
  for (int s = 0; s <= last; ++s) {
    std::fill(plane.strip(s) + static_cast<size_t>(shape.height) * kStripWidth, plane.strip(s) + shape.strip_size(),
              0.0f);
  }
  float* row = plane.strip(last);
  for (int y = 0; y < shape.height; ++y, row += kStripWidth) std::fill(row + cols, row + kStripWidth, 0.0f);
}

}  // namespace saliency_jpeg::metrics
