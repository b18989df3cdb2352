#include "codec/quantize.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "codec/constants.h"
#include "codec/symbols.h"
#include "common/multiversion.h"

namespace jpegcore {
namespace {

constexpr int kMaxLevel = 1023;  // T.81 F.1.2.2.1 for 8-bit samples
constexpr int kMaxSize = 10;

struct Steps {
  float inverse[kBlockSize];
  int16_t low[kBlockSize], high[kBlockSize];

  explicit Steps(const uint16_t* table) {
    for (int i = 0; i < kBlockSize; ++i) {
      inverse[i] = 1.0f / static_cast<float>(table[i]);
      low[i] = i == 0 ? -1024 : -kMaxLevel;
      high[i] = kMaxLevel;
    }
  }
};

// Rounds a block half away from zero; `scaled` gets the coefficients in units of their step.
inline __attribute__((always_inline)) void round_block(const float* x, const Steps& steps, float* scaled,
                                                       int16_t* levels) {
  for (int i = 0; i < kBlockSize; ++i) {
    scaled[i] = x[i] * steps.inverse[i];
    // In this order of arguments a NaN becomes 1024.
    const float magnitude = std::min(1024.0f, std::fabs(scaled[i]) + 0.5f);
    const int rounded = static_cast<int>(magnitude);
    const int level = scaled[i] < 0 ? -rounded : rounded;
    levels[i] = static_cast<int16_t>(
        std::min(std::max(level, static_cast<int>(steps.low[i])), static_cast<int>(steps.high[i])));
  }
}

// Bits of (run, size) pairs, ZRLs of long runs included, never falling with the run.
struct RunPrices {
  float bits[kMaxSize + 1][kBlockSize];

  explicit RunPrices(const float* prices) {
    for (int size = 1; size <= kMaxSize; ++size) {
      float highest = 0;
      for (int run = 0; run < 63; ++run) {
        highest = std::max(highest, (run / 16) * prices[kZrl] + prices[(run % 16) << 4 | size]);
        bits[size][run] = highest;
      }
    }
  }
};

// A position where a level other than zero may stand, with the best way to get there.
struct Node {
  int position = 0;   // zigzag; that of the first node is the one before the band
  int before = 0;     // index of the node before
  int16_t level = 0;  // magnitude
  float cost = 0;     // against a band of zeros, in bits
};

// The trellis of one band of one block.  Costs are in bits: distortion is divided by lambda.
class Trellis {
 public:
  Trellis(const PricedBand& priced, const float* sensitivity)
      : prices_(priced.prices),
        end_(priced.prices[kEob]),
        empty_(priced.prices[256]),
        last_(priced.band.se),
        mask_(band_mask(priced.band.ss, priced.band.se)),
        sensitivity_(sensitivity) {
    nodes_[0].position = priced.band.ss - 1;
  }

  // `levels` holds the rounded block, `nonzero` its mask; the band gets its best levels.
  void run(const float* scaled, uint64_t nonzero, float per_bit, int16_t* levels) {
    const uint64_t candidates = nonzero & mask_;
    if (candidates == 0) return;
    count_ = 1;
    open_count_ = 1;
    open_[0] = 0;
    for (uint64_t left = candidates; left != 0; left &= left - 1) {
      add_node(__builtin_ctzll(left), scaled, per_bit, levels);
    }
    trace_back(best_end(), candidates, levels);
  }

 private:
  void add_node(int position, const float* scaled, float per_bit, const int16_t* levels) {
    const int natural = kZigzag[position];
    const float magnitude = std::fabs(scaled[natural]);
    const float gain = sensitivity_[natural] * per_bit;
    const int rounded = std::abs(levels[natural]);
    Node& node = nodes_[count_];
    node.position = position;
    node.cost = 1e30f;
    for (int size = category(static_cast<uint32_t>(rounded)); size > 0; --size) {
      const int level = std::min(rounded, (1 << size) - 1);  // nearest of its size
      const float distortion = gain * static_cast<float>(level) * (static_cast<float>(level) - 2 * magnitude);
      try_level(node, level, distortion, prices_.bits[size]);
    }
    // With prices that rise with the run, a node that costs no more beats every earlier node from here on.
    while (open_count_ > 0 && nodes_[open_[open_count_ - 1]].cost >= node.cost) --open_count_;
    open_[open_count_++] = count_++;
  }

  void try_level(Node& node, int level, float distortion, const float* bits) const {
    for (int i = open_count_ - 1; i >= 0; --i) {
      const Node& before = nodes_[open_[i]];
      const float cost = before.cost + distortion + bits[node.position - before.position - 1];
      if (cost < node.cost) {
        node.cost = cost;
        node.before = open_[i];
        node.level = static_cast<int16_t>(level);
      }
    }
  }

  int best_end() const {
    int best = 0;
    float lowest = empty_;
    for (int i = 1; i < count_; ++i) {
      const float cost = nodes_[i].cost + (nodes_[i].position == last_ ? 0.0f : end_);
      if (cost < lowest) {
        lowest = cost;
        best = i;
      }
    }
    return best;
  }

  void trace_back(int node, uint64_t candidates, int16_t* levels) const {
    for (; node != 0; node = nodes_[node].before) {
      const int natural = kZigzag[nodes_[node].position];
      levels[natural] = levels[natural] < 0 ? static_cast<int16_t>(-nodes_[node].level) : nodes_[node].level;
      candidates &= ~(uint64_t{1} << nodes_[node].position);
    }
    for (; candidates != 0; candidates &= candidates - 1) levels[kZigzag[__builtin_ctzll(candidates)]] = 0;
  }

  const RunPrices prices_;
  float end_, empty_;
  int last_;
  uint64_t mask_;
  const float* sensitivity_;
  std::array<Node, kBlockSize> nodes_{};
  std::array<int, kBlockSize> open_{};  // nodes that a later one may follow, cost falling
  int count_ = 0;
  int open_count_ = 0;
};

}  // namespace

JPEGCORE_MULTIVERSION
void quantize_plain(const CoefficientView& coefficients, const QuantizeRule& rule, const float*,
                    const BlockView<int16_t>& levels) {
  const Steps steps(rule.table);
  float scaled[kBlockSize];
  for (size_t i = 0; i < coefficients.count(); ++i) round_block(coefficients.at(i), steps, scaled, levels.at(i));
}

JPEGCORE_MULTIVERSION
void quantize_trellis(const CoefficientView& coefficients, const QuantizeRule& rule, const float* block_lambda,
                      const BlockView<int16_t>& levels) {
  const Steps steps(rule.table);
  std::vector<Trellis> trellises;
  for (const PricedBand& priced : rule.bands) trellises.emplace_back(priced, rule.sensitivity);
  float scaled[kBlockSize];
  for (size_t i = 0; i < coefficients.count(); ++i) {
    int16_t* const block = levels.at(i);
    round_block(coefficients.at(i), steps, scaled, block);
    if (!(block_lambda[i] > 0)) continue;
    const uint64_t nonzero = nonzero_mask(block);
    for (Trellis& trellis : trellises) trellis.run(scaled, nonzero, 1.0f / block_lambda[i], block);
  }
}

}  // namespace jpegcore
