#include "codec/quantize_dc.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

#include "codec/symbols.h"

namespace jpegcore {
namespace {

constexpr int kLowest = -1024;  // T.81 F.1.2.1.1 for 8-bit samples
constexpr int kHighest = 1023;

// The two levels that a block may take, what it costs to arrive at each, and where the best path came from.
struct Stage {
  int level[2];
  double cost[2];
  uint8_t before[2];
};

Stage candidates(float coefficient, const DcRule& rule) {
  const float scaled = coefficient / static_cast<float>(rule.step);
  // In this order of arguments a NaN becomes the lower bound.
  const float bounded = std::min<float>(kHighest - 1, std::max<float>(kLowest, scaled));
  const int below = static_cast<int>(std::floor(bounded));
  Stage stage{{below, below + 1}, {}, {}};
  for (int i : {0, 1}) {
    const double error = static_cast<double>(scaled) - stage.level[i];
    stage.cost[i] = rule.sensitivity * error * error;
  }
  return stage;
}

// Adds the cheapest way from the stage before to each level of `stage`.
void connect(const Stage& previous, const DcRule& rule, double lambda, Stage& stage) {
  for (int i : {0, 1}) {
    double lowest = std::numeric_limits<double>::infinity();
    for (int j : {0, 1}) {
      const int difference = std::abs(stage.level[i] - previous.level[j]);
      const double cost = previous.cost[j] + lambda * rule.prices[category(static_cast<uint32_t>(difference))];
      if (cost < lowest) {
        lowest = cost;
        stage.before[i] = static_cast<uint8_t>(j);
      }
    }
    stage.cost[i] += lowest;
  }
}

}  // namespace

void quantize_dc(const CoefficientView& coefficients, const DcRule& rule, const float* block_lambda,
                 const BlockView<int16_t>& levels) {
  if (levels.count() == 0) return;
  std::vector<Stage> stages(levels.count());
  Stage start{{0, 0}, {0, std::numeric_limits<double>::infinity()}, {}};
  for (size_t i = 0; i < stages.size(); ++i) {
    stages[i] = candidates(coefficients.at(i)[0], rule);
    connect(i == 0 ? start : stages[i - 1], rule, std::max(block_lambda[i], 0.0f), stages[i]);
  }
  int best = stages.back().cost[1] < stages.back().cost[0];
  for (size_t i = stages.size(); i-- > 0;) {
    levels.at(i)[0] = static_cast<int16_t>(stages[i].level[best]);
    best = stages[i].before[best];
  }
}

}  // namespace jpegcore
