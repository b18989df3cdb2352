#include "codec/overshoot.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "codec/fdct.h"
#include "codec/idct.h"
#include "common/simd.h"

namespace saliency_jpeg::codec {
namespace {

// Samples are level-shifted by 128 (T.81 A.3.1).
constexpr float kWhite = 254.5f - 128;  // samples from here on count as white
constexpr float kBlack = 0.5f - 128;    // samples up to here count as black
constexpr float kHighest = 255.0f - 128;
constexpr float kLowest = -128.0f;
constexpr float kMaxOvershoot = 64.0f;  // distance from the end of the range
constexpr int kRounds = 4;              // further rounds change little

// Rules most blocks out without a transform: no product of two basis functions exceeds 1/4.
bool may_be_clipped(const float* coefficients) {
  float reach = 0;
  for (int k = 1; k < kBlockSize; ++k) reach += std::fabs(coefficients[k]);
  const float mean = coefficients[0] / 8;
  return mean + reach / 4 >= kWhite || mean - reach / 4 <= kBlack;
}

SJ_INLINE bool is_clipped(const float* samples, size_t stride) {
  int white = 0, black = 0;
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x) {
      white += samples[y * stride + x] >= kWhite;
      black += samples[y * stride + x] <= kBlack;
    }
  }
  return white + black > 0 && white < kBlockSize && black < kBlockSize;
}

SJ_INLINE bool is_clipped(const Basis& basis, const float* coefficients) {
  if (!may_be_clipped(coefficients)) return false;
  float samples[kBlockSize];
  inverse_dct(basis, coefficients, samples);
  return is_clipped(samples, 8);
}

// Rounds coefficients to multiples of their step.
SJ_INLINE void round_to_steps(const float* from, const uint16_t* table, float* to) {
  for (int k = 0; k < kBlockSize; ++k) {
    const float step = table[k];
    to[k] = std::floor(from[k] / step + 0.5f) * step;
  }
}

// Alternates two projections: onto blocks that the table can represent, and onto blocks that decode to the original.
// `out` may be `coefficients`.
SJ_INLINE void move_block(const Basis& basis, const float* coefficients, const uint16_t* table, float* out) {
  float original[kBlockSize], rounded[kBlockSize], samples[kBlockSize];
  inverse_dct(basis, coefficients, original);
  std::memmove(out, coefficients, sizeof original);
  for (int round = 0; round < kRounds; ++round) {
    round_to_steps(out, table, rounded);
    inverse_dct(basis, rounded, samples);
    for (int i = 0; i < kBlockSize; ++i) {
      const float above = std::min(std::max(samples[i], kHighest), kHighest + kMaxOvershoot);
      const float below = std::max(std::min(samples[i], kLowest), kLowest - kMaxOvershoot);
      samples[i] = original[i] >= kWhite ? above : original[i] <= kBlack ? below : original[i];
    }
    forward_dct_row(samples, 8, 1, out);
  }
}

}  // namespace

SJ_MULTIVERSION
std::vector<uint32_t> clipped_blocks(const CoefficientView& coefficients) {
  const Basis basis;
  std::vector<uint32_t> blocks;
  for (size_t i = 0; i < coefficients.count(); ++i) {
    if (is_clipped(basis, coefficients.at(i))) blocks.push_back(static_cast<uint32_t>(i));
  }
  return blocks;
}

SJ_MULTIVERSION
void overshoot(const CoefficientView& coefficients, const uint16_t* table, const std::vector<uint32_t>& blocks,
               const BlockView<float>& out) {
  const Basis basis;
  for (uint32_t i : blocks) move_block(basis, coefficients.at(i), table, out.at(i));
}

SJ_MULTIVERSION
void overshoot_row(const float* samples, size_t stride, int count, const uint16_t* table, float* coefficients) {
  static const Basis kBasis;
  for (int i = 0; i < count; ++i) {
    float* const block = coefficients + static_cast<size_t>(i) * kBlockSize;
    if (is_clipped(samples + 8 * i, stride)) move_block(kBasis, block, table, block);
  }
}

}  // namespace saliency_jpeg::codec
