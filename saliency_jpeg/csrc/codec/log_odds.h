// Probabilities as log odds and back, by tables that are computed with integers.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "codec/binary_coder.h"

namespace saliency_jpeg::codec {

constexpr int kOddsUnit = 256;             // a ratio of e
constexpr int kMostOdds = 12 * kOddsUnit;  // of either sign

class LogOddsTables {
 public:
  static const LogOddsTables& get();

  // The probability of log odds, 1 to kCertain - 1.
  int probability(int64_t odds) const {
    return probabilities_[static_cast<size_t>(std::clamp<int64_t>(odds, -kMostOdds, kMostOdds) + kMostOdds)];
  }
  // The log odds of a probability, the inverse.
  int odds(int probability) const { return odds_[static_cast<size_t>(probability) >> 4]; }

 private:
  LogOddsTables();

  std::array<uint16_t, 2 * kMostOdds + 1> probabilities_;
  std::array<int16_t, kCertain / 16> odds_;
};

}  // namespace saliency_jpeg::codec
