#include "metrics/linear_image.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace saliency_jpeg::metrics {
namespace {

// The transfer function of sRGB (IEC 61966-2-1) as a quotient of polynomials.  It differs from the exact function by at
// most 5e-7.  The reference program uses the same values.
constexpr float kNumerator[] = {8.210152774e-01f, 7.961564959e-01f, 1.624820318e-01f, 1.043637593e-02f,
                                2.200248328e-04f};
constexpr float kDenominator[] = {6.521209011e-03f, -5.512498495e-02f, 4.987528350e-01f, 1.076976492e+00f,
                                  2.631846970e-01f};

float horner(const float (&coefficients)[5], float x) {
  float y = coefficients[0];
  for (int i = 1; i < 5; ++i) y = std::fma(y, x, coefficients[i]);
  return y;
}

std::array<float, 256> make_srgb_table() {
  std::array<float, 256> table;
  for (int i = 0; i < 256; ++i) {
    const float v = static_cast<float>(i) * (1.0f / 255.0f);
    table[i] = v > 0.04045f ? horner(kNumerator, v) / horner(kDenominator, v) : v * (1.0f / 12.92f);
  }
  return table;
}

void halve_row(const float* top, const float* bottom, int width, float* out) {
  for (int x = 0; x + 1 < width; x += 2) {
    out[x / 2] = (((top[x] + top[x + 1]) + bottom[x]) + bottom[x + 1]) * 0.25f;
  }
  if (width % 2) out[width / 2] = (((top[width - 1] + top[width - 1]) + bottom[width - 1]) + bottom[width - 1]) * 0.25f;
}

}  // namespace

LinearImage linear_from_srgb(const ImageView& rgb) {
  static const std::array<float, 256> kTable = make_srgb_table();
  LinearImage image(Shape{rgb.height, rgb.width});
  for (int y = 0; y < rgb.height; ++y) {
    const uint8_t* pixel = rgb.row(y);
    float *r = image.row(0, y), *g = image.row(1, y), *b = image.row(2, y);
    for (int x = 0; x < rgb.width; ++x, pixel += 3) {
      r[x] = kTable[pixel[0]];
      g[x] = kTable[pixel[1]];
      b[x] = kTable[pixel[2]];
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
