#include "codec/offsets.h"

#include <cmath>

namespace saliency_jpeg::codec {
namespace {

// The bin of an offset in units of 1 / kOffsetsPerStep; below 0, and NaN, counts as 0.
size_t bin(double offset) {
  constexpr double kLast = kOffsetBins - 1;
  if (!(offset > 0)) return 0;
  return static_cast<size_t>(std::ceil(std::min(offset, kLast)));
}

void count_ac(double coefficient, int level, OffsetHistograms& counts) {
  if (level == 0) {
    ++counts.zero[bin(std::abs(coefficient))];
    return;
  }
  const double above = (level > 0 ? coefficient : -coefficient) - kOffsetsPerStep * std::abs(level);
  ++counts.above[bin(above)];
  ++counts.below[bin(-above)];
}

}  // namespace

OffsetHistograms offset_histograms(const CoefficientView& coefficients, const LevelView& levels,
                                   const uint16_t* table) {
  std::array<double, kBlockSize> factors;
  for (size_t k = 0; k < kBlockSize; ++k) factors[k] = static_cast<double>(kOffsetsPerStep) / table[k];
  OffsetHistograms counts;
  for (size_t b = 0; b < levels.count(); ++b) {
    const float* block = coefficients.at(b);
    const int16_t* quantized = levels.at(b);
    ++counts.dc[bin(std::abs(block[0] * factors[0] - kOffsetsPerStep * quantized[0]))];
    for (size_t k = 1; k < kBlockSize; ++k) count_ac(block[k] * factors[k], quantized[k], counts);
  }
  return counts;
}

}  // namespace saliency_jpeg::codec
