// Sums of SSIMULACRA2's error maps of one component at one scale.
#pragma once

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include "metrics/kernels.h"
#include "metrics/strips.h"

namespace saliency_jpeg::metrics {

struct Norms {
  double value[kNorms][kMaps] = {};  // the mean, the 4-norm

  void add_strip(const StripSums& sums, int columns) {
    for (int n = 0; n < kNorms; ++n) {
      for (int m = 0; m < kMaps; ++m) {
        for (int x = 0; x < columns; ++x) value[n][m] += sums.sum[m][n][x];
      }
    }
  }
  void finish(double pixels) {
    for (double& mean : value[0]) mean /= pixels;
    for (double& fourth : value[1]) fourth = std::sqrt(std::sqrt(fourth / pixels));
  }
};

// Returns all norms in the order [component][scale][norm][map], from all[component][scale].
template <class All>
std::vector<double> flatten(const All& all, int scales) {
  std::vector<double> flat;
  for (const auto& component : all) {
    for (int s = 0; s < scales; ++s) {
      for (const auto& norm : component[s].value) flat.insert(flat.end(), std::begin(norm), std::end(norm));
    }
  }
  return flat;
}

}  // namespace saliency_jpeg::metrics
