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

// The two candidates for the level of a block.  Each has the cost of the cheapest path to it, and the candidate of the
// block before on that path.
struct Stage {
  int level[2];
  double cost[2];
  uint8_t before[2];
};

Stage make_stage(float coefficient, const DcParameters& parameters) {
  const float scaled = coefficient / static_cast<float>(parameters.step);
  // With the arguments of max in this order, a NaN becomes the lower bound.
  const float bounded = std::min<float>(kMaxDcLevel - 1, std::max<float>(kMinDcLevel, scaled));
  const int below = static_cast<int>(std::floor(bounded));
  Stage stage{{below, below + 1}, {}, {}};
  for (int i : {0, 1}) {
    const double error = static_cast<double>(scaled) - stage.level[i];
    stage.cost[i] = parameters.sensitivity * error * error;
  }
  return stage;
}

// Adds the cheapest path through `previous` to the cost of each candidate of `stage`.
void connect(const Stage& previous, const DcParameters& parameters, double lambda, Stage& stage) {
  for (int i : {0, 1}) {
    double lowest = std::numeric_limits<double>::infinity();
    for (int j : {0, 1}) {
      const int difference = std::abs(stage.level[i] - previous.level[j]);
      const double bits = parameters.symbol_costs[category(static_cast<uint32_t>(difference))];
      const double cost = previous.cost[j] + lambda * bits;
      if (cost < lowest) {
        lowest = cost;
        stage.before[i] = static_cast<uint8_t>(j);
      }
    }
    stage.cost[i] += lowest;
  }
}

}  // namespace

void quantize_dc(const CoefficientView& coefficients, const DcParameters& parameters, const float* block_lambda,
                 const BlockView<int16_t>& levels) {
  if (levels.count() == 0) return;
  std::vector<Stage> stages(levels.count());
  const Stage start{{0, 0}, {0, std::numeric_limits<double>::infinity()}, {}};
  for (size_t i = 0; i < stages.size(); ++i) {
    stages[i] = make_stage(coefficients.at(i)[0], parameters);
    connect(i == 0 ? start : stages[i - 1], parameters, std::max(block_lambda[i], 0.0f), stages[i]);
  }
  int best = stages.back().cost[1] < stages.back().cost[0];
  for (size_t i = stages.size(); i-- > 0;) {
    levels.at(i)[0] = static_cast<int16_t>(stages[i].level[best]);
    best = stages[i].before[best];
  }
}

}  // namespace saliency_jpeg::codec
