#include "codec/quantize_dc.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

#include "codec/limits.h"
#include "codec/symbols.h"

namespace saliency_jpeg::codec {
namespace {

// The two candidates for the level of a block are `below` and the next one.  Each has the cost of the cheapest path to
// it.
struct Stage {
  int below = 0;
  double cost[2] = {0, std::numeric_limits<double>::infinity()};
};

int level_below(float scaled) {
  // With the arguments of max in this order, a NaN becomes the lower bound.
  const float bounded = std::min<float>(kMaxDcLevel - 1, std::max<float>(kMinDcLevel, scaled));
  return static_cast<int>(std::floor(bounded));
}

double bits_of(const DcParameters& parameters, int difference) {
  return parameters.symbol_costs[category(static_cast<uint32_t>(std::abs(difference)))];
}

// Moves `stage` on to the next block.  Returns for each candidate, as one bit, which candidate of the block before is
// on its path.
uint8_t advance(Stage& stage, float scaled, const DcParameters& parameters, double lambda) {
  const Stage previous = stage;
  stage.below = level_below(scaled);
  uint8_t before = 0;
  for (int i : {0, 1}) {
    const int level = stage.below + i;
    const double from_below = previous.cost[0] + lambda * bits_of(parameters, level - previous.below);
    const double from_above = previous.cost[1] + lambda * bits_of(parameters, level - previous.below - 1);
    const double error = static_cast<double>(scaled) - level;
    const bool is_above = from_above < from_below;
    stage.cost[i] = parameters.sensitivity * error * error + (is_above ? from_above : from_below);
    before = static_cast<uint8_t>(before | is_above << i);
  }
  return before;
}

}  // namespace

void quantize_dc(const float* coefficients, size_t stride, const DcParameters& parameters, const float* block_lambda,
                 const BlockView<int16_t>& levels) {
  if (levels.count() == 0) return;
  std::vector<uint8_t> before(levels.count());
  Stage stage;
  for (size_t i = 0; i < before.size(); ++i) {
    const float scaled = coefficients[i * stride] / static_cast<float>(parameters.step);
    before[i] = advance(stage, scaled, parameters, std::max(block_lambda[i], 0.0f));
    levels.at(i)[0] = static_cast<int16_t>(stage.below);
  }
  int best = stage.cost[1] < stage.cost[0];
  for (size_t i = before.size(); i-- > 0;) {
    levels.at(i)[0] = static_cast<int16_t>(levels.at(i)[0] + best);
    best = before[i] >> best & 1;
  }
}

}  // namespace saliency_jpeg::codec
