#include "codec/color.h"

#include <algorithm>

#include "common/simd.h"
#include "common/ycbcr.h"

namespace saliency_jpeg::codec {
namespace {

constexpr float kInner = 0.6f;
constexpr float kOuter = -0.1f;

constexpr float kYR = kRedWeight, kYG = kGreenWeight, kYB = kBlueWeight;
constexpr float kCbR = -kRedWeight / kCbRange, kCbG = -kGreenWeight / kCbRange;
constexpr float kCrG = -kGreenWeight / kCrRange, kCrB = -kBlueWeight / kCrRange;

void repeat_last(float* row, int width, int padded) { std::fill(row + width, row + padded, row[width - 1]); }

}  // namespace

SJ_MULTIVERSION
void rgb_row_to_ycbcr(const uint8_t* rgb, int width, int padded, float* y, float* cb, float* cr) {
  for (int i = 0; i < width; ++i) {
    const float r = rgb[3 * i], g = rgb[3 * i + 1], b = rgb[3 * i + 2];
    y[i] = kYR * r + kYG * g + kYB * b - 128.0f;
    cb[i] = kCbR * r + kCbG * g + 0.5f * b;
    cr[i] = 0.5f * r + kCrG * g + kCrB * b;
  }
  for (float* row : {y, cb, cr}) repeat_last(row, width, padded);
}

SJ_MULTIVERSION
void rgb_row_to_y(const uint8_t* rgb, int width, int padded, float* y) {
  for (int i = 0; i < width; ++i) y[i] = kYR * rgb[3 * i] + kYG * rgb[3 * i + 1] + kYB * rgb[3 * i + 2] - 128.0f;
  repeat_last(y, width, padded);
}

SJ_MULTIVERSION
void gray_row_to_y(const uint8_t* gray, int width, int padded, float* y) {
  for (int i = 0; i < width; ++i) y[i] = static_cast<float>(gray[i]) - 128.0f;
  repeat_last(y, width, padded);
}

SJ_MULTIVERSION
void halve_row(const float* row, int out_width, float* out) {
  for (int i = 0; i < out_width; ++i) {
    const float* x = row + 2 * i;
    out[i] = kInner * (x[0] + x[1]) + kOuter * (x[-1] + x[2]);
  }
}

SJ_MULTIVERSION
void halve_rows(const float* const rows[4], int width, float* out) {
  const float *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3];
  for (int i = 0; i < width; ++i) out[i] = kInner * (b[i] + c[i]) + kOuter * (a[i] + d[i]);
}

SJ_MULTIVERSION
void average_row(const float* row, int h, int out_width, float* out) {
  const float scale = 1.0f / static_cast<float>(h);
  for (int i = 0; i < out_width; ++i) {
    float sum = 0;
    for (int x = 0; x < h; ++x) sum += row[i * h + x];
    out[i] = sum * scale;
  }
}

}  // namespace saliency_jpeg::codec
