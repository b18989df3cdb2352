#include "codec/quantize.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "codec/constants.h"
#include "codec/overshoot.h"
#include "codec/symbols.h"
#include "common/parallel.h"
#include "common/simd.h"

namespace saliency_jpeg::codec {
namespace {

struct Steps {
  float inverse[kBlockSize];
  int16_t low[kBlockSize], high[kBlockSize];  // the range of the levels

  explicit Steps(const uint16_t* table) {
    for (int i = 0; i < kBlockSize; ++i) {
      inverse[i] = 1.0f / static_cast<float>(table[i]);
      low[i] = i == 0 ? kMinDcLevel : -kMaxAcLevel;
      high[i] = i == 0 ? kMaxDcLevel : kMaxAcLevel;
    }
  }
};

// Rounds a block half away from zero.  Sets `scaled` to the coefficients in units of their step.
SJ_INLINE void round_block(const float* x, const Steps& steps, float* scaled, int16_t* levels) {
  constexpr float kMaxMagnitude = -kMinDcLevel;
  for (int i = 0; i < kBlockSize; ++i) {
    scaled[i] = x[i] * steps.inverse[i];
    // With the arguments of min in this order, a NaN becomes kMaxMagnitude.
    const float magnitude = std::min(kMaxMagnitude, std::fabs(scaled[i]) + 0.5f);
    const int rounded = static_cast<int>(magnitude);
    const int level = scaled[i] < 0 ? -rounded : rounded;
    levels[i] = static_cast<int16_t>(
        std::min(std::max(level, static_cast<int>(steps.low[i])), static_cast<int>(steps.high[i])));
  }
}

// Bits of a run of zeros and the level after it, the ZRL symbols of a long run included.  Never falls with the run.
struct RunCosts {
  float bits[kMaxAcCategory + 1][kBlockSize];  // [category of the level][run]

  explicit RunCosts(const float* symbol_costs) {
    constexpr int kZrlRun = kMaxZeroRun + 1;
    for (int size = 1; size <= kMaxAcCategory; ++size) {
      float highest = 0;
      for (int run = 0; run < kLastCoefficient; ++run) {
        highest = std::max(highest, (run / kZrlRun) * symbol_costs[kZrl] + symbol_costs[(run % kZrlRun) << 4 | size]);
        bits[size][run] = highest;
      }
    }
  }
};

// A nonzero level of the trellis, and the one before it on the cheapest path.
struct Node {
  int8_t position = 0;  // in zigzag order; the first node stands for the position before the band
  int8_t before = 0;    // index of a node
  int16_t level = 0;    // magnitude
  float cost = 0;       // of the path, less the cost of zero levels at all of its positions
};

// The trellis of one band of one block.  Costs are in bits: distortion is divided by lambda.
class Trellis {
 public:
  Trellis(const BandCosts& costs, const float* sensitivity)
      : run_costs_(costs.symbol_costs),
        end_cost_(costs.symbol_costs[kEob]),
        empty_cost_(costs.symbol_costs[kEmptyBand]),
        last_(costs.band.se),
        mask_(band_mask(costs.band.ss, costs.band.se)),
        sensitivity_(sensitivity) {
    nodes_[0].position = static_cast<int8_t>(costs.band.ss - 1);
  }

  // Replaces the levels of the band by the best ones.  `levels` holds the rounded block, `nonzero` its mask.
  void run(const float* scaled, uint64_t nonzero, float inverse_lambda, int16_t* levels) {
    const uint64_t candidates = nonzero & mask_;
    if (candidates == 0) return;
    count_ = 0;
    open_count_ = 0;
    push(nodes_[0]);
    for (uint64_t left = candidates; left != 0; left &= left - 1) {
      add_node(__builtin_ctzll(left), scaled, inverse_lambda, levels);
    }
    trace_back(best_end(), candidates, levels);
  }

 private:
  void add_node(int position, const float* scaled, float inverse_lambda, const int16_t* levels) {
    const int natural = kZigzag[position];
    const float magnitude = std::fabs(scaled[natural]);
    const float gain = sensitivity_[natural] * inverse_lambda;
    const int rounded = std::abs(levels[natural]);
    Node node;
    node.position = static_cast<int8_t>(position);
    node.cost = 1e30f;
    for (int size = category(static_cast<uint32_t>(rounded)); size > 0; --size) {
      const int level = std::min(rounded, (1 << size) - 1);  // the nearest level of this category
      const float distortion = gain * static_cast<float>(level) * (static_cast<float>(level) - 2 * magnitude);
      try_level(level, distortion, run_costs_.bits[size] + position - 1, node);
    }
    push(node);
  }

  // `bits` is that of a run from position 0, so that of a run from position p is p entries before it.
  void try_level(int level, float distortion, const float* bits, Node& node) const {
    float lowest = node.cost;
    int best = -1;
    for (int i = open_count_ - 1; i >= 0; --i) {
      const float cost = open_costs_[i] + distortion + bits[-open_positions_[i]];
      if (cost < lowest) {
        lowest = cost;
        best = i;
      }
    }
    if (best < 0) return;
    node.cost = lowest;
    node.before = open_[best];
    node.level = static_cast<int16_t>(level);
  }

  // Costs do not fall with the run, so a path through this node beats one through an earlier node that costs more.
  void push(const Node& node) {
    while (open_count_ > 0 && open_costs_[open_count_ - 1] >= node.cost) --open_count_;
    open_costs_[open_count_] = node.cost;
    open_positions_[open_count_] = node.position;
    open_[open_count_++] = static_cast<int8_t>(count_);
    nodes_[count_++] = node;
  }

  // Returns the last node of the cheapest path; 0 if no level is worth its bits.
  int best_end() const {
    int best = 0;
    float lowest = empty_cost_;
    for (int i = 1; i < count_; ++i) {
      const float cost = nodes_[i].cost + (nodes_[i].position == last_ ? 0.0f : end_cost_);
      if (cost < lowest) {
        lowest = cost;
        best = i;
      }
    }
    return best;
  }

  // Writes the levels of the path that ends at `node`, and zeros at the other candidates.
  void trace_back(int node, uint64_t candidates, int16_t* levels) const {
    for (; node != 0; node = nodes_[node].before) {
      const int natural = kZigzag[nodes_[node].position];
      levels[natural] = levels[natural] < 0 ? static_cast<int16_t>(-nodes_[node].level) : nodes_[node].level;
      candidates &= ~(uint64_t{1} << nodes_[node].position);
    }
    for (; candidates != 0; candidates &= candidates - 1) levels[kZigzag[__builtin_ctzll(candidates)]] = 0;
  }

  const RunCosts run_costs_;
  float end_cost_, empty_cost_;
  int last_;
  uint64_t mask_;
  const float* sensitivity_;
  std::array<Node, kBlockSize> nodes_{};
  int count_ = 0;
  // The nodes that a later node may follow, in the order of their positions and of their costs: the lowest comes first.
  std::array<float, kBlockSize> open_costs_;
  std::array<int8_t, kBlockSize> open_positions_, open_;
  int open_count_ = 0;
};

SJ_MULTIVERSION
void round_blocks(const float* coefficients, const Steps& steps, size_t count, int16_t* levels) {
  float scaled[kBlockSize];
  for (size_t i = 0; i < count; ++i) {
    round_block(coefficients + i * kBlockSize, steps, scaled, levels + i * kBlockSize);
  }
}

SJ_MULTIVERSION
void trellis_blocks(const float* coefficients, const Steps& steps, const float* block_lambda, size_t count,
                    std::vector<Trellis>& trellises, int16_t* levels) {
  float scaled[kBlockSize];
  for (size_t i = 0; i < count; ++i) {
    int16_t* const block = levels + i * kBlockSize;
    round_block(coefficients + i * kBlockSize, steps, scaled, block);
    if (!(block_lambda[i] > 0)) continue;
    const uint64_t nonzero = nonzero_mask(block);
    for (Trellis& trellis : trellises) trellis.run(scaled, nonzero, 1.0f / block_lambda[i], block);
  }
}

std::vector<Trellis> make_trellises(const QuantizeParameters& parameters) {
  std::vector<Trellis> trellises;
  for (const BandCosts& costs : parameters.bands) trellises.emplace_back(costs, parameters.sensitivity);
  return trellises;
}

}  // namespace

void quantize_plain(const CoefficientView& coefficients, const uint16_t* table, int threads,
                    const BlockView<int16_t>& levels) {
  const Steps steps(table);
  parallel_for(levels.rows, rows_in_part(levels.cols), threads, [&](int begin, int end) {
    const size_t count = static_cast<size_t>(end - begin) * levels.cols;
    round_blocks(coefficients.at(begin, 0), steps, count, levels.at(begin, 0));
  });
}

void quantize_trellis(const CoefficientView& coefficients, const QuantizeParameters& parameters,
                      const float* block_lambda, int threads, const BlockView<int16_t>& levels) {
  const Steps steps(parameters.table);
  const std::vector<Trellis> trellises = make_trellises(parameters);
  parallel_for(levels.rows, rows_in_part(levels.cols), threads, [&](int begin, int end) {
    std::vector<Trellis> own = trellises;
    const size_t first = static_cast<size_t>(begin) * levels.cols;
    const size_t count = static_cast<size_t>(end - begin) * levels.cols;
    trellis_blocks(coefficients.at(first), steps, block_lambda + first, count, own, levels.at(first));
  });
}

void quantize_luma(const LumaSource& source, const QuantizeParameters& parameters, const float* block_lambda,
                   bool overshoots, const float* offsets, int threads, const BlockView<int16_t>& levels, float* dc) {
  const Steps steps(parameters.table);
  const std::vector<Trellis> trellises = make_trellises(parameters);
  const int cols = levels.cols;
  parallel_for(levels.rows, rows_in_part(cols), threads, [&](int begin, int end) {
    std::vector<Trellis> own = trellises;
    LumaRows rows(source, begin, end);
    std::vector<float> blocks(static_cast<size_t>(cols) * kBlockSize);
    for (int row = begin; row < end; ++row) {
      const size_t first = static_cast<size_t>(row) * cols;
      rows.transform(row, blocks.data());
      if (overshoots) overshoot_row(rows.original(), rows.stride(), cols, parameters.table, blocks.data());
      if (offsets != nullptr) {
        const float* const added = offsets + first * kBlockSize;
        for (size_t i = 0; i < blocks.size(); ++i) blocks[i] += added[i];
      }
      for (int i = 0; i < cols; ++i) dc[first + i] = blocks[static_cast<size_t>(i) * kBlockSize];
      trellis_blocks(blocks.data(), steps, block_lambda + first, cols, own, levels.at(first));
    }
  });
}

}  // namespace saliency_jpeg::codec
