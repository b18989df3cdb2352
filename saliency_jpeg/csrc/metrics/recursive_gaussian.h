// The Gaussian blur of SSIMULACRA2: a sum of three windowed cosines, computed by a recursion.
//
// D. Charalampidis, "Recursive implementation of the Gaussian filter using truncated cosine functions", IEEE
// Transactions on Signal Processing 64 (2016).  Equation numbers in the source refer to this paper.
//
// In exact arithmetic this is a symmetric filter of 2 * radius - 1 taps.  In single precision, the poles of the
// recursion lie on the unit circle, so rounding errors do not decay, and they change the score: by about 0.2 points
// near 90 and up to 1.2 points near 97.  The order of the operations is therefore part of the definition of the metric.
#pragma once

namespace saliency_jpeg::metrics {

constexpr int kCosines = 3;
constexpr int kUnroll = 4;  // outputs computed together along a row

struct RecursiveGaussian {
  int radius = 0;
  // One step of the recursion, eq. (35):
  // y[n] = gain * (x[n - radius - 1] + x[n + radius - 1]) + feedback * y[n - 1] - y[n - 2].
  float gain[kCosines] = {};
  float feedback[kCosines] = {};
  // Output n + j as a function of y[n - 1], y[n - 2] and the inputs; input i has the weight row_gain[j - i].
  float row_gain[kCosines][kUnroll] = {};
  float row_last[kCosines][kUnroll] = {};
  float row_second[kCosines][kUnroll] = {};
};

RecursiveGaussian make_recursive_gaussian(double sigma);

}  // namespace saliency_jpeg::metrics
