// The Gaussian of SSIMULACRA2: a sum of three windowed cosines, run as a recursion.
//
// D. Charalampidis, "Recursive implementation of the Gaussian filter using truncated cosine functions", IEEE
// Transactions on Signal Processing 64 (2016). Equation numbers in the source are that paper's.
//
// In exact arithmetic this is a plain symmetric filter of 2 * radius - 1 taps. In single precision the recursion's
// poles on the unit circle keep every rounding error alive, and the metric sees that noise: near 90 it costs about
// 0.2 points, near 97 up to 1.2. So the order of the operations below is part of the metric's definition.
#ifndef SALIENCY_JPEG_METRICS_RECURSIVE_GAUSSIAN_H_
#define SALIENCY_JPEG_METRICS_RECURSIVE_GAUSSIAN_H_

namespace saliency_jpeg::metrics {

constexpr int kCosines = 3;
constexpr int kUnroll = 4;  // outputs made at once along a row

struct RecursiveGaussian {
  int radius = 0;
  // One step, eq. (35): y[n] = gain * (x[n - radius - 1] + x[n + radius - 1]) + feedback * y[n - 1] - y[n - 2].
  float gain[kCosines] = {};
  float feedback[kCosines] = {};
  // The same for output n + j written in terms of y[n - 1], y[n - 2] and the inputs: input i counts by row_gain[j - i].
  float row_gain[kCosines][kUnroll] = {};
  float row_last[kCosines][kUnroll] = {};
  float row_second[kCosines][kUnroll] = {};
};

RecursiveGaussian make_recursive_gaussian(double sigma);

}  // namespace saliency_jpeg::metrics

#endif  // SALIENCY_JPEG_METRICS_RECURSIVE_GAUSSIAN_H_
