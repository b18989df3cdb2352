// Computes the score from the norms of the error maps.
#pragma once

#include <vector>

namespace saliency_jpeg::metrics {

// `norms` has the order [component][scale][norm][map], 108 numbers for six scales.  If an image is too small for six
// scales, the weights are still applied one after the other, without a gap between components, as in the reference
// program.
double score_from_norms(const std::vector<double>& norms);

// The derivative of the score by the weighted sum of the norms.
double score_slope(const std::vector<double>& norms);

// The weight of each norm, in that order.
std::vector<double> score_weights();

}  // namespace saliency_jpeg::metrics
