#include "metrics/ms_ssim.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace saliency_jpeg::metrics {
namespace {

constexpr int kHalf = kMsSsimWindow / 2;
constexpr double kSigma = 1.5;
constexpr double kC1 = (0.01 * 255) * (0.01 * 255), kC2 = (0.03 * 255) * (0.03 * 255);
constexpr double kWeights[kMsSsimScales] = {0.0448, 0.2856, 0.3001, 0.2363, 0.1333};

enum Moment { kX, kY, kXX, kYY, kXY, kMoments };

// The filter is symmetric: taps[k] belongs to the offsets k - kHalf and kHalf - k.
using Taps = std::array<double, kHalf + 1>;

Taps gaussian_taps() {
  Taps taps;
  double sum = 0.0;
  for (int k = 0; k <= kHalf; ++k) {
    taps[k] = std::exp(-0.5 * (k - kHalf) * (k - kHalf) / (kSigma * kSigma));
    sum += k == kHalf ? taps[k] : 2.0 * taps[k];
  }
  for (double& tap : taps) tap /= sum;
  return taps;
}

// Sets out[x] to the weighted sum of in[x] to in[x + 10].
void blur_row(const Taps& taps, const double* in, int count, double* out) {
  for (int x = 0; x < count; ++x) out[x] = taps[kHalf] * in[x + kHalf];
  for (int k = 0; k < kHalf; ++k) {
    for (int x = 0; x < count; ++x) out[x] += taps[k] * (in[x + k] + in[x + kMsSsimWindow - 1 - k]);
  }
}

void blur_column(const Taps& taps, const double* const rows[kMsSsimWindow], int count, double* out) {
  for (int x = 0; x < count; ++x) out[x] = taps[kHalf] * rows[kHalf][x];
  for (int k = 0; k < kHalf; ++k) {
    const double *top = rows[k], *bottom = rows[kMsSsimWindow - 1 - k];
    for (int x = 0; x < count; ++x) out[x] += taps[k] * (top[x] + bottom[x]);
  }
}

// Computes local means of x, y, x^2, y^2 and xy, row by row.  A ring holds the last eleven rows, blurred along x.
class MomentRows {
 public:
  MomentRows(const LumaImage& a, const LumaImage& b)
      : a_(a), b_(b), count_(a.width - kMsSsimWindow + 1), products_(a.width), ring_(kMsSsimWindow * row_size()) {
    out_.resize(row_size());
    for (int y = 0; y < kMsSsimWindow - 1; ++y) push(y);
  }
  int count() const { return count_; }
  // Returns the moments of output row y.  Rows must be requested in order.
  const double* at(int y) {
    push(y + kMsSsimWindow - 1);
    for (int m = 0; m < kMoments; ++m) {
      const double* rows[kMsSsimWindow];
      for (int k = 0; k < kMsSsimWindow; ++k) rows[k] = slot(y + k) + m * count_;
      blur_column(taps_, rows, count_, out_.data() + m * count_);
    }
    return out_.data();
  }

 private:
  size_t row_size() const { return static_cast<size_t>(kMoments) * count_; }
  double* slot(int y) { return ring_.data() + (y % kMsSsimWindow) * row_size(); }

  void push(int y) {
    const double *a = a_.row(y), *b = b_.row(y);
    double* out = slot(y);
    blur_row(taps_, a, count_, out + kX * count_);
    blur_row(taps_, b, count_, out + kY * count_);
    push_product(a, a, out + kXX * count_);
    push_product(b, b, out + kYY * count_);
    push_product(a, b, out + kXY * count_);
  }
  void push_product(const double* a, const double* b, double* out) {
    for (int x = 0; x < a_.width; ++x) products_[x] = a[x] * b[x];
    blur_row(taps_, products_.data(), count_, out);
  }

  const LumaImage &a_, &b_;
  const Taps taps_ = gaussian_taps();
  const int count_;
  std::vector<double> products_, ring_, out_;
};

// Returns the sum over a row of contrast times structure, times luminance if `with_luminance` is set.
double row_similarity(const double* moments, int count, bool with_luminance) {
  double sum = 0.0;
  for (int i = 0; i < count; ++i) {
    const double x = moments[kX * count + i], y = moments[kY * count + i];
    const double variances = (moments[kXX * count + i] - x * x) + (moments[kYY * count + i] - y * y);
    double value = (2.0 * (moments[kXY * count + i] - x * y) + kC2) / (variances + kC2);
    if (with_luminance) value *= (2.0 * x * y + kC1) / (x * x + y * y + kC1);
    sum += value;
  }
  return sum;
}

double mean_similarity(const LumaImage& a, const LumaImage& b, bool with_luminance) {
  MomentRows moments(a, b);
  const int rows = a.height - kMsSsimWindow + 1;
  double sum = 0.0;
  for (int y = 0; y < rows; ++y) sum += row_similarity(moments.at(y), moments.count(), with_luminance);
  return sum / (static_cast<double>(rows) * moments.count());
}

// Averages 2x2 pixels.  Drops an odd last row or column.
LumaImage halve(const LumaImage& image) {
  LumaImage half(image.height / 2, image.width / 2);
  for (int y = 0; y < half.height; ++y) {
    const double *top = image.row(2 * y), *bottom = image.row(2 * y + 1);
    double* out = half.row(y);
    for (int x = 0; x < half.width; ++x) {
      out[x] = (top[2 * x] + top[2 * x + 1] + bottom[2 * x] + bottom[2 * x + 1]) * 0.25;
    }
  }
  return half;
}

}  // namespace

double ms_ssim(LumaImage reference, LumaImage distorted) {
  double product = 1.0;
  for (int scale = 0; scale < kMsSsimScales; ++scale) {
    const double similarity = mean_similarity(reference, distorted, scale == kMsSsimScales - 1);
    product *= std::pow(std::max(similarity, 1e-9), kWeights[scale]);
    if (scale + 1 < kMsSsimScales) {
      reference = halve(reference);
      distorted = halve(distorted);
    }
  }
  return product;
}

}  // namespace saliency_jpeg::metrics
