#include "metrics/ssimulacra2_gradient.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "common/simd.h"
#include "metrics/linear_planes.h"
#include "metrics/ssimulacra2.h"
#include "metrics/ssimulacra2_weights.h"

namespace saliency_jpeg::metrics {
namespace {

constexpr float kC2 = 0.0009f;
constexpr float kOpsinBias = 0.0037930732552754493f;
constexpr float kOpsin[3][3] = {
    {0.30f, 1 - 0.078f - 0.30f, 0.078f},
    {0.23f, 1 - 0.078f - 0.23f, 0.078f},
    {0.24342268924547819f, 0.20476744424496821f, 1 - 0.24342268924547819f - 0.20476744424496821f}};
constexpr float kFactorX = 7.0f;
constexpr float kShift[3] = {0.42f, 0.01f, 0.55f};

const Gaussian& window() {
  static const Gaussian kWindow(1.5, 6, false);
  return kWindow;
}

Planes3 to_xyb(const Planes3& linear, int threads) {
  Planes3 xyb = {like(linear[0]), like(linear[0]), like(linear[0])};
  const float root = std::cbrt(kOpsinBias);
  for_ranges(linear[0].size(), threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      float cones[3];
      for (int k = 0; k < 3; ++k) {
        float mixed = kOpsinBias;
        for (int c = 0; c < 3; ++c) mixed += kOpsin[k][c] * linear[c].values[i];
        cones[k] = std::cbrt(mixed) - root;
      }
      const float luma = (cones[0] + cones[1]) / 2;
      xyb[0].values[i] = (cones[0] - cones[1]) * kFactorX + kShift[0];
      xyb[1].values[i] = luma + kShift[1];
      xyb[2].values[i] = cones[2] - luma + kShift[2];
    }
  });
  return xyb;
}

// Adds derivatives by linear RGB to `out`, given those by XYB.
void pull_back_xyb(const Planes3& linear, const Planes3& gradient, int threads, Planes3& out) {
  for_ranges(linear[0].size(), threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const float x = gradient[0].values[i] * kFactorX, b = gradient[2].values[i];
      const float luma = (gradient[1].values[i] - b) / 2;
      const float by_cones[3] = {luma + x, luma - x, b};
      for (int k = 0; k < 3; ++k) {
        float mixed = kOpsinBias;
        for (int c = 0; c < 3; ++c) mixed += kOpsin[k][c] * linear[c].values[i];
        const float root = std::cbrt(mixed), slope = by_cones[k] / (3 * root * root);
        for (int c = 0; c < 3; ++c) out[c].values[i] += slope * kOpsin[k][c];
      }
    }
  });
}

SJ_MULTIVERSION
void multiply(const float* a, const float* b, size_t count, float* out) {
  for (size_t i = 0; i < count; ++i) out[i] = a[i] * b[i];
}

Plane blurred_product(const Plane& a, const Plane& b, int threads) {
  Plane product = like(a), out;
  for_ranges(a.size(), threads, [&](size_t begin, size_t end) {
    multiply(a.values.data() + begin, b.values.data() + begin, end - begin, product.values.data() + begin);
  });
  window().blur(product, threads, out);
  return out;
}

// One component at one scale.
struct Comparison {
  const Plane &a, &mean_a, &square_a, &b;
  Plane mean_b, square_b, product;
  double norms[kNorms][kMaps] = {};

  Comparison(const Plane& reference, const Plane& mean, const Plane& square, const Plane& distorted, int threads)
      : a(reference), mean_a(mean), square_a(square), b(distorted) {
    window().blur(b, threads, mean_b);
    square_b = blurred_product(b, b, threads);
    product = blurred_product(a, b, threads);
    add_up();
  }

  // The error maps at a pixel.
  SJ_INLINE void maps(size_t i, float* out) const {
    const float ma = mean_a.values[i], mb = mean_b.values[i];
    const float shared = 2 * (product.values[i] - ma * mb) + kC2;
    const float own = square_a.values[i] - ma * ma + square_b.values[i] - mb * mb + kC2;
    const float edge_a = std::fabs(a.values[i] - ma), edge_b = std::fabs(b.values[i] - mb);
    const float change = (edge_b - edge_a) / (1 + edge_a);
    out[0] = std::max(1 - (1 - (ma - mb) * (ma - mb)) * shared / own, 0.0f);
    out[1] = std::max(change, 0.0f);
    out[2] = std::max(-change, 0.0f);
  }

  // Row by row, so that the sums do not depend on the number of threads.
  void add_up() {
    for (size_t i = 0; i < a.size(); ++i) {
      float values[kMaps];
      maps(i, values);
      for (int m = 0; m < kMaps; ++m) {
        const double square = static_cast<double>(values[m]) * values[m];
        norms[0][m] += values[m];
        norms[1][m] += square * square;
      }
    }
    for (int m = 0; m < kMaps; ++m) {
      norms[0][m] /= static_cast<double>(a.size());
      norms[1][m] = std::sqrt(std::sqrt(norms[1][m] / static_cast<double>(a.size())));
    }
  }

  // Derivatives by b, given those by the norms, [norm][map].
  Plane pull_back(const double* slopes, int threads) const {
    Plane by_mean = like(a), by_square = like(a), by_product = like(a), out = like(a);
    float mean_slope[kMaps], fourth_slope[kMaps];
    for (int m = 0; m < kMaps; ++m) {
      const double fourth = std::max(norms[1][m], 1e-9);
      mean_slope[m] = static_cast<float>(slopes[m] / static_cast<double>(a.size()));
      fourth_slope[m] =
          static_cast<float>(slopes[kMaps + m] / (static_cast<double>(a.size()) * fourth * fourth * fourth));
    }
    for_ranges(a.size(), threads, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        float values[kMaps], by[kMaps];
        maps(i, values);
        for (int m = 0; m < kMaps; ++m) {
          by[m] = values[m] > 0 ? mean_slope[m] + fourth_slope[m] * values[m] * values[m] * values[m] : 0.0f;
        }
        const float ma = mean_a.values[i], mb = mean_b.values[i];
        const float own = square_a.values[i] - ma * ma + square_b.values[i] - mb * mb + kC2;
        const float ratio = (2 * (product.values[i] - ma * mb) + kC2) / own, light = 1 - (ma - mb) * (ma - mb);
        const float edge = b.values[i] - mb;
        const float by_edge = (by[1] - by[2]) * (edge < 0 ? -1.0f : 1.0f) / (1 + std::fabs(a.values[i] - ma));
        by_mean.values[i] = -by[0] * (2 * (ma - mb) * ratio + light * (2 * mb * ratio - 2 * ma) / own) - by_edge;
        by_square.values[i] = by[0] * light * ratio / own;
        by_product.values[i] = -by[0] * light * 2 / own;
        out.values[i] = by_edge;
      }
    });
    Plane through[3];
    window().pull_back(by_mean, threads, through[0]);
    window().pull_back(by_square, threads, through[1]);
    window().pull_back(by_product, threads, through[2]);
    for_ranges(a.size(), threads, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        out.values[i] +=
            through[0].values[i] + 2 * b.values[i] * through[1].values[i] + a.values[i] * through[2].values[i];
      }
    });
    return out;
  }
};

// Linear RGB at all scales; as in the metric, the last one may be smaller than kMinSide.
std::vector<Planes3> pyramid(Planes3 linear) {
  std::vector<Planes3> scales;
  scales.push_back(std::move(linear));
  while (scales.size() < kScales && std::min(scales.back()[0].height, scales.back()[0].width) >= kMinSide) {
    scales.push_back(halved(scales.back()));
  }
  return scales;
}

}  // namespace

Ssimulacra2Gradient::Ssimulacra2Gradient(const ImageView& rgb) : height_(rgb.height), width_(rgb.width) {
  const std::vector<float> samples(rgb.data, rgb.data + 3 * rgb.pixels());
  for (const Planes3& linear : pyramid(linear_planes(samples.data(), height_, width_, 1))) {
    for (Plane& plane : to_xyb(linear, 1)) {
      Component component{std::move(plane), {}, {}};
      window().blur(component.values, 1, component.mean);
      component.square = blurred_product(component.values, component.values, 1);
      references_.push_back(std::move(component));
    }
  }
}

double Ssimulacra2Gradient::compare(const float* rgb, int threads, float* gradient) const {
  const std::vector<Planes3> scales = pyramid(linear_planes(rgb, height_, width_, threads));
  std::vector<Planes3> xyb;
  for (const Planes3& linear : scales) xyb.push_back(to_xyb(linear, threads));
  std::vector<Comparison> comparisons;  // [scale][component]
  comparisons.reserve(references_.size());
  for (size_t s = 0; s < scales.size(); ++s) {
    for (int c = 0; c < kComponents; ++c) {
      const Component& reference = references_[s * kComponents + c];
      comparisons.emplace_back(reference.values, reference.mean, reference.square, xyb[s][c], threads);
    }
  }
  std::vector<double> norms;  // [component][scale][norm][map]
  for (int c = 0; c < kComponents; ++c) {
    for (size_t s = 0; s < scales.size(); ++s) {
      for (const auto& norm : comparisons[s * kComponents + c].norms) norms.insert(norms.end(), norm, norm + kMaps);
    }
  }
  const std::vector<double> slopes = score_slopes(norms);
  Planes3 by_linear;
  for (size_t s = scales.size(); s-- > 0;) {
    Planes3 by_xyb, here = {like(scales[s][0]), like(scales[s][0]), like(scales[s][0])};
    for (int c = 0; c < kComponents; ++c) {
      const size_t first = (c * scales.size() + s) * kNorms * kMaps;
      by_xyb[c] = comparisons[s * kComponents + c].pull_back(slopes.data() + first, threads);
    }
    pull_back_xyb(scales[s], by_xyb, threads, here);
    if (s + 1 < scales.size()) pull_back_halved(by_linear, here);
    by_linear = std::move(here);
  }
  pull_back_linear(rgb, by_linear, 1.0f, threads, gradient);
  return score_from_norms(norms);
}

}  // namespace saliency_jpeg::metrics
