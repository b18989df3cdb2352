#include "codec/log_odds.h"

namespace saliency_jpeg::codec {

LogOddsTables::LogOddsTables() {
  constexpr uint64_t kOne = 1ull << 32;
  constexpr uint64_t kDecay = 4278222805;  // exp(-1 / kOddsUnit), in 1 / kOne
  uint64_t inverse_ratio = kOne;
  for (int x = 0; x <= kMostOdds; ++x) {
    const int probability = static_cast<int>((kOne << 16) / (kOne + inverse_ratio));
    probabilities_[kMostOdds + x] = static_cast<uint16_t>(std::min(probability, kCertain - 1));
    probabilities_[kMostOdds - x] = static_cast<uint16_t>(std::max(kCertain - probability, 1));
    inverse_ratio = (inverse_ratio * kDecay) >> 32;
  }
  int x = -kMostOdds;
  for (size_t i = 0; i < odds_.size(); ++i) {
    while (x < kMostOdds && probability(x) < static_cast<int>(16 * i + 8)) ++x;
    odds_[i] = static_cast<int16_t>(x);
  }
}

const LogOddsTables& LogOddsTables::get() {
  static const LogOddsTables tables;
  return tables;
}

}  // namespace saliency_jpeg::codec
