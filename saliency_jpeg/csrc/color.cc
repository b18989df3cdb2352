#include "color.h"

#include <algorithm>

#include "multiversion.h"

namespace jpegcore {
namespace {

void repeat_last(float* row, int width, int padded) { std::fill(row + width, row + padded, row[width - 1]); }

}  // namespace

JPEGCORE_MULTIVERSION
void rgb_row_to_ycbcr(const uint8_t* rgb, int width, int padded, float* y, float* cb, float* cr) {
  for (int i = 0; i < width; ++i) {
    const float r = rgb[3 * i], g = rgb[3 * i + 1], b = rgb[3 * i + 2];
    y[i] = 0.299f * r + 0.587f * g + 0.114f * b - 128.0f;
    cb[i] = -0.168735892f * r - 0.331264108f * g + 0.5f * b;
    cr[i] = 0.5f * r - 0.418687589f * g - 0.081312411f * b;
  }
  for (float* row : {y, cb, cr}) repeat_last(row, width, padded);
}

JPEGCORE_MULTIVERSION
void gray_row(const uint8_t* gray, int width, int padded, float* y) {
  for (int i = 0; i < width; ++i) y[i] = static_cast<float>(gray[i]) - 128.0f;
  repeat_last(y, width, padded);
}

JPEGCORE_MULTIVERSION
void average_row(const float* rows, size_t stride, int h, int v, int out_width, float* out) {
  const float scale = 1.0f / static_cast<float>(h * v);
  for (int i = 0; i < out_width; ++i) {
    float sum = 0;
    for (int y = 0; y < v; ++y) {
      for (int x = 0; x < h; ++x) sum += rows[y * stride + static_cast<size_t>(i) * h + x];
    }
    out[i] = sum * scale;
  }
}

}  // namespace jpegcore
