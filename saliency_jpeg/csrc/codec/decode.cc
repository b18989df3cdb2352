#include "codec/decode.h"

#include <algorithm>
#include <vector>

#include "codec/fdct.h"
#include "codec/idct.h"
#include "common/simd.h"

namespace saliency_jpeg::codec {
namespace {

// Widths of intervals in units of the coefficients.
struct Intervals {
  float zero[kBlockSize], below[kBlockSize], above[kBlockSize];

  Intervals(const Bounds& bounds, const uint16_t* table) {
    for (int k = 0; k < kBlockSize; ++k) {
      const float step = table[k];
      zero[k] = (k == 0 ? bounds.dc : bounds.zero) * step;
      below[k] = (k == 0 ? bounds.dc : bounds.below) * step;
      above[k] = (k == 0 ? bounds.dc : bounds.above) * step;
    }
  }
};

SJ_INLINE void dequantize(const int16_t* levels, const uint16_t* table, float* coefficients) {
  for (int k = 0; k < kBlockSize; ++k) coefficients[k] = static_cast<float>(levels[k] * table[k]);
}

SJ_INLINE void invert_block(const Basis& basis, const float* coefficients, float shift, size_t stride, float* samples) {
  float block[kBlockSize];
  inverse_dct(basis, coefficients, block);
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x) samples[y * stride + x] = block[8 * y + x] + shift;
  }
}

SJ_INLINE void add_limited(const float* correction, const int16_t* levels, const Intervals& intervals,
                           float* coefficients) {
  for (int k = 0; k < kBlockSize; ++k) {
    const float below = levels[k] > 0 ? intervals.below[k] : intervals.above[k];
    const float above = levels[k] > 0 ? intervals.above[k] : intervals.below[k];
    const float low = levels[k] == 0 ? intervals.zero[k] : below;
    const float high = levels[k] == 0 ? intervals.zero[k] : above;
    coefficients[k] += std::min(std::max(correction[k], -low), high);
  }
}

}  // namespace

SJ_MULTIVERSION
void decode_blocks(const LevelView& levels, const uint16_t* table, float shift, float* samples) {
  const Basis basis;
  const size_t stride = static_cast<size_t>(levels.cols) * 8;
  for (int row = 0; row < levels.rows; ++row) {
    for (int col = 0; col < levels.cols; ++col) {
      float coefficients[kBlockSize];
      dequantize(levels.at(row, col), table, coefficients);
      invert_block(basis, coefficients, shift, stride, samples + row * 8 * stride + col * 8);
    }
  }
}

SJ_MULTIVERSION
void clip_samples(float* samples, size_t count) {
  for (size_t i = 0; i < count; ++i) samples[i] = std::min(std::max(samples[i], 0.0f), 255.0f);
}

SJ_MULTIVERSION
void correct_samples(const LevelView& levels, const uint16_t* table, const float* correction, const Bounds& bounds,
                     float* samples) {
  const Basis basis;
  const Intervals intervals(bounds, table);
  const size_t stride = static_cast<size_t>(levels.cols) * 8;
  std::vector<float> transformed(stride * 8);
  for (int row = 0; row < levels.rows; ++row) {
    forward_dct_row(correction + row * 8 * stride, stride, levels.cols, transformed.data());
    for (int col = 0; col < levels.cols; ++col) {
      float coefficients[kBlockSize];
      dequantize(levels.at(row, col), table, coefficients);
      add_limited(&transformed[static_cast<size_t>(col) * kBlockSize], levels.at(row, col), intervals, coefficients);
      invert_block(basis, coefficients, kLevelShift, stride, samples + row * 8 * stride + col * 8);
    }
  }
}

}  // namespace saliency_jpeg::codec
