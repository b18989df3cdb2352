// The differences of butteraugli along lines of sixteen directions, which find edges that were added or lost.
#pragma once

#include "metrics/planes.h"

namespace saliency_jpeg::metrics {

// One comparison along lines.
struct LineWeights {
  bool dense;
  double added, lost, norm;  // weights of samples that are larger, or smaller, than those of the reference
};

// Adds the squares of the sums of differences along all lines through a sample.
void add_lines(const Plane& a, const Plane& b, const LineWeights& weights, int threads, Plane& sum);

// Adds derivatives by b, given those by the sums of squares.
void pull_back_lines(const Plane& a, const Plane& b, const LineWeights& weights, const Plane& gradient, int threads,
                     Plane& by_b);

}  // namespace saliency_jpeg::metrics
