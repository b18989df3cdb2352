// The probability of a bit from those that several contexts tell, after M. Mahoney, "Adaptive Weighing of Context
// Models for Lossless Data Compression" (2005): log odds are added up with weights that learn. Integers alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "codec/log_odds.h"

namespace saliency_jpeg::codec {

constexpr int kContexts = 8;
constexpr int kMixers = 2;  // whose log odds are averaged
constexpr int kWeightOne = 1 << 16;

using Contexts = std::array<int, kContexts>;

// One kind of decision, with tables of `context_size` entries for each context and `sets` sets of weights a mixer.
class ContextMixer {
 public:
  ContextMixer(size_t context_size, size_t sets)
      : context_size_(context_size),
        sets_(sets),
        tables_(LogOddsTables::get()),
        entries_(kContexts * context_size),
        all_weights_(kMixers * sets * kContexts, kWeightOne * 2 / kContexts) {}

  // The probability that the next bit is 1.  `sets`: which weights of each mixer.
  int probability(const Contexts& contexts, const std::array<int, kMixers>& sets) {
    for (size_t i = 0; i < kContexts; ++i) {
      current_[i] = &entries_[i * context_size_ + static_cast<size_t>(contexts[i])];
      inputs_[i] = tables_.odds(current_[i]->probability) * trust(current_[i]->seen) / kFullTrust;
    }
    int64_t all = 0;
    for (size_t m = 0; m < kMixers; ++m) {
      weights_[m] = &all_weights_[(m * sets_ + static_cast<size_t>(sets[m])) * kContexts];
      int64_t sum = 0;
      for (size_t i = 0; i < kContexts; ++i) sum += static_cast<int64_t>(weights_[m][i]) * inputs_[i];
      mixed_[m] = tables_.probability(sum / kWeightOne);
      all += sum / kWeightOne;
    }
    return tables_.probability(all / kMixers);
  }

  // Learns the bit whose probability was asked for last.
  void update(bool bit) {
    const int target = bit ? kCertain - 1 : 0;
    for (size_t m = 0; m < kMixers; ++m) {
      const int64_t error = target - mixed_[m];
      for (size_t i = 0; i < kContexts; ++i) weights_[m][i] += static_cast<int32_t>(error * inputs_[i] / kSlowness);
    }
    for (Entry* entry : current_) {
      entry->probability += static_cast<uint16_t>(2 * (target - entry->probability) / (2 * entry->seen + 3));
      if (entry->seen < kMostSeen) ++entry->seen;
    }
  }

 private:
  // What a context has seen: a mean of its bits, and their number.
  struct Entry {
    uint16_t probability = kCertain / 2;  // of a 1, in 1 / kCertain
    uint16_t seen = 0;
  };
  static constexpr int kMostSeen = 250;
  static constexpr int kSlowness = 1 << 14;
  static constexpr int kFullTrust = 16;

  // How much the log odds of a context count that has seen so many bits.
  static int trust(int seen) {
    constexpr std::array<int, 16> kTrust = {0, 6, 8, 10, 11, 12, 12, 13, 13, 14, 14, 14, 15, 15, 15, kFullTrust};
    return kTrust[static_cast<size_t>(seen < 15 ? seen : 15)];
  }

  size_t context_size_, sets_;
  const LogOddsTables& tables_;
  std::vector<Entry> entries_;
  std::vector<int32_t> all_weights_;  // kContexts for each set of each mixer
  std::array<Entry*, kContexts> current_{};
  std::array<int, kContexts> inputs_{};
  std::array<int32_t*, kMixers> weights_{};
  std::array<int, kMixers> mixed_{};
};

}  // namespace saliency_jpeg::codec
