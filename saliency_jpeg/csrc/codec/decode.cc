#include "codec/decode.h"

#include <algorithm>
#include <cstring>
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

SJ_INLINE void invert_block(const Basis& basis, const float* coefficients, float shift, size_t stride, float* samples,
                            int height = 8) {
  float block[kBlockSize];
  inverse_dct(basis, coefficients, block, height);
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

// The number of rows of a block up to the last with a level that is not zero.
SJ_INLINE int used_rows(const int16_t* levels) {
  int rows = 8;
  for (; rows > 1; --rows) {
    uint64_t halves[2];
    std::memcpy(halves, levels + 8 * (rows - 1), sizeof halves);
    if ((halves[0] | halves[1]) != 0) break;
  }
  return rows;
}

SJ_INLINE bool has_dc_alone(const int16_t* levels) {
  for (int k = 1; k < 8; ++k) {
    if (levels[k] != 0) return false;
  }
  return used_rows(levels) == 1;
}

SJ_INLINE void fill_block(float value, size_t stride, float* samples) {
  for (int y = 0; y < 8; ++y) std::fill_n(samples + y * stride, 8, value);
}

SJ_MULTIVERSION
void decode_blocks(const LevelView& levels, const uint16_t* table, float shift, float* samples) {
  const Basis basis;
  const size_t stride = static_cast<size_t>(levels.cols) * 8;
  for (int row = 0; row < levels.rows; ++row) {
    for (int col = 0; col < levels.cols; ++col) {
      const int16_t* block = levels.at(row, col);
      float* const to = samples + row * 8 * stride + col * 8;
      if (has_dc_alone(block)) {
        fill_block(inverse_dc(basis, static_cast<float>(block[0] * table[0])) + shift, stride, to);
        continue;
      }
      float coefficients[kBlockSize];
      dequantize(block, table, coefficients);
      invert_block(basis, coefficients, shift, stride, to, used_rows(block));
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
