// The gradient of SSIMULACRA2, by reverse-mode differentiation of ssimulacra2.cc.
//
// The blur is a symmetric filter with zeros around the image, so it is its own adjoint, up to rounding.
#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "common/ceil_div.h"
#include "common/parallel.h"
#include "common/simd.h"
#include "metrics/linear_image.h"
#include "metrics/srgb_curve.h"
#include "metrics/ssimulacra2.h"
#include "metrics/ssimulacra2_norms.h"
#include "metrics/ssimulacra2_weights.h"
#include "metrics/xyb.h"

namespace saliency_jpeg::metrics {
namespace {

constexpr int kRowsInPart = 64, kStripsInPart = 4;

// The derivative of the weighted sum by an error e of one map is mean + cube * e^3.
struct MapSlopes {
  float mean[kMaps], cube[kMaps];

  MapSlopes(const Norms& norms, const double* weights, double pixels) {
    for (int m = 0; m < kMaps; ++m) {
      const double fourth = norms.value[1][m];
      mean[m] = static_cast<float>(weights[m] / pixels);
      cube[m] = fourth > 0.0 ? static_cast<float>(weights[kMaps + m] / (pixels * fourth * fourth * fourth)) : 0.0f;
    }
  }
};

SJ_INLINE float map_slope(const MapSlopes& slopes, int map, float error) {
  return error > 0.0f ? slopes.mean[map] + slopes.cube[map] * (error * error * error) : 0.0f;
}

struct ErrorPlanes {
  const float *reference, *reference_mean, *reference_square, *distorted;
  float *mean, *square, *product;  // of the distorted image; replaced by the gradients by them
  float* direct;                   // gradient by the distorted image itself
};

SJ_MULTIVERSION
void error_gradient(const ErrorPlanes p, const MapSlopes slopes, int count) {
  SJ_INDEPENDENT
  for (int i = 0; i < count; ++i) {
    const float mean1 = p.reference_mean[i], mean2 = p.mean[i], difference = mean1 - mean2;
    const float luminance = 1.0f - difference * difference;
    const float covariance = 2.0f * (p.product[i] - mean1 * mean2) + kSsimC2;
    const float inverse = 1.0f / ((p.reference_square[i] - mean1 * mean1) + (p.square[i] - mean2 * mean2) + kSsimC2);
    const float structure = covariance * inverse;
    const float lost = map_slope(slopes, 0, 1.0f - luminance * structure);
    const float by_covariance = -lost * luminance * inverse, by_variance = -by_covariance * structure;

    const float offset = p.distorted[i] - mean2;
    const float edge1 = p.reference[i] < mean1 ? mean1 - p.reference[i] : p.reference[i] - mean1;
    const float scale = 1.0f / (1.0f + edge1), change = ((offset < 0.0f ? -offset : offset) - edge1) * scale;
    const float by_edge = (map_slope(slopes, 1, change) - map_slope(slopes, 2, -change)) * scale;
    const float by_offset = offset < 0.0f ? -by_edge : by_edge;

    p.direct[i] = by_offset;
    p.product[i] = 2.0f * by_covariance;
    p.square[i] = by_variance;
    p.mean[i] = -2.0f * (lost * structure * difference + by_covariance * mean1 + by_variance * mean2) - by_offset;
  }
}

// Adds up the gradient by the distorted image, from the blurred gradients by its means.
SJ_MULTIVERSION
void combine(const ErrorPlanes p, int count) {
  SJ_INDEPENDENT
  for (int i = 0; i < count; ++i) {
    p.direct[i] += p.mean[i] + 2.0f * p.distorted[i] * p.square[i] + p.reference[i] * p.product[i];
  }
}

SJ_INLINE float root_slope(float x) {
  const float root = x + kCubeRootOfBias;
  return (1.0f / 3.0f) / (root * root);
}

// From the gradient by XYB to that by linear RGB.
SJ_MULTIVERSION
void xyb_adjoint(const float* const* xyb, const float* const* gradient, int count, float* const* rgb) {
  SJ_INDEPENDENT
  for (int i = 0; i < count; ++i) {
    const float luma = xyb[1][i] - kShiftY, half = (xyb[0][i] - kShiftX) * (1.0f / 14.0f);
    const float by_luma = 0.5f * (gradient[1][i] - gradient[2][i]), by_half = 7.0f * gradient[0][i];
    const float l = (by_luma + by_half) * root_slope(luma + half), m = (by_luma - by_half) * root_slope(luma - half);
    const float s = gradient[2][i] * root_slope(xyb[2][i] - kShiftB + luma);
    for (int c = 0; c < 3; ++c) rgb[c][i] = kAbsorbance[0][c] * l + kAbsorbance[1][c] * m + kAbsorbance[2][c] * s;
  }
}

LinearImage linear_from_srgb(const float* rgb, const Shape& shape, int threads) {
  const SrgbCurve& curve = SrgbCurve::get();
  LinearImage image(shape);
  parallel_for(shape.height, kRowsInPart, threads, [&](int begin, int end) {
    for (int y = begin; y < end; ++y) {
      const float* pixel = rgb + static_cast<size_t>(y) * shape.width * 3;
      for (int c = 0; c < 3; ++c) {
        float* out = image.row(c, y);
        for (int x = 0; x < shape.width; ++x) out[x] = curve.linear(pixel[3 * x + c]);
      }
    }
  });
  return image;
}

// The transposed matrix of halve(): adds the gradient by the halved image to that by the whole one.
void add_halving_adjoint(const LinearImage& half, LinearImage& whole) {
  const Shape& shape = whole.shape;
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < shape.height; ++y) {
      const float weight = y == shape.height - 1 && shape.height % 2 ? 0.5f : 0.25f;
      const float* from = half.row(c, y / 2);
      float* to = whole.row(c, y);
      for (int x = 0; x < shape.width; ++x) to[x] += weight * from[x / 2];
      if (shape.width % 2) to[shape.width - 1] += weight * from[shape.width / 2];
    }
  }
}

// Differentiates the weighted sum of the norms of one scale.  Has memory for it.
class ScaleGradient {
 public:
  ScaleGradient(const Kernels& kernels, const RecursiveGaussian& filter, const Shape& shape, int threads)
      : kernels_(kernels), filter_(filter), shape_(shape), threads_(threads), scratch_(shape) {
    for (StripPlane& plane : means_) plane = StripPlane(shape);
    for (int c = 0; c < kComponents; ++c) xyb_[c] = gradient_[c] = StripPlane(shape);
  }

  void convert(const LinearImage& image);
  // Returns the norms, and makes the gradient by component c.  `weights` are those of its norms.
  Norms differentiate(const Ssimulacra2Reference& reference, int c, const double* weights);
  // Replaces linear RGB by the gradient by it.
  void convert_back(LinearImage& image) const;

 private:
  void blur(const StripPlane& a, const StripPlane* b, StripPlane& out);
  template <class Work>
  void for_strips(const Work& work) const {
    parallel_for(shape_.strips(), kStripsInPart, threads_, [&](int begin, int end) {
      for (int s = begin; s < end; ++s) work(s);
    });
  }
  int strip_pixels() const { return shape_.height * kStripWidth; }

  const Kernels& kernels_;
  const RecursiveGaussian& filter_;
  const Shape shape_;
  const int threads_;
  StripPlane scratch_;
  std::array<StripPlane, 3> means_;  // of the distorted image, its square, its product with the reference
  std::array<StripPlane, kComponents> xyb_, gradient_;
};

void ScaleGradient::convert(const LinearImage& image) {
  parallel_for(shape_.height, kRowsInPart, threads_, [&](int begin, int end) {
    for (int y = begin; y < end; ++y) {
      const float* const from[] = {image.row(0, y), image.row(1, y), image.row(2, y)};
      const size_t at = static_cast<size_t>(y) * kStripWidth;
      float* const to[] = {xyb_[0].strip(0) + at, xyb_[1].strip(0) + at, xyb_[2].strip(0) + at};
      kernels_.xyb_row(from, shape_.strips(), to, shape_.strip_size());
    }
  });
  for (StripPlane& plane : xyb_) clear_padding(plane);
}

void ScaleGradient::blur(const StripPlane& a, const StripPlane* b, StripPlane& out) {
  parallel_for(shape_.padded_height(), kRowsInPart, threads_, [&](int begin, int end) {
    std::vector<float> line(row_scratch_size(filter_, shape_));
    kernels_.blur_rows(filter_, a, b, begin, end, scratch_, line.data());
  });
  for_strips([&](int s) { kernels_.blur_columns(filter_, scratch_.strip(s), shape_.height, out.strip(s)); });
}

Norms ScaleGradient::differentiate(const Ssimulacra2Reference& reference, int c, const double* weights) {
  const StripPlane& distorted = xyb_[c];
  blur(distorted, nullptr, means_[0]);
  blur(distorted, &distorted, means_[1]);
  blur(distorted, &reference.values, means_[2]);
  std::vector<StripSums> sums(shape_.strips());
  for_strips([&](int s) {
    kernels_.add_errors({reference.values.strip(s), reference.mean.strip(s), reference.square.strip(s),
                         distorted.strip(s), means_[0].strip(s), means_[1].strip(s), means_[2].strip(s)},
                        shape_.height, sums[s]);
  });
  Norms norms;
  for (int s = 0; s < shape_.strips(); ++s) {
    norms.add_strip(sums[s], std::min(kStripWidth, shape_.width - s * kStripWidth));
  }
  norms.finish(shape_.pixels());
  const MapSlopes slopes(norms, weights, shape_.pixels());
  const auto planes = [&](int s) {
    return ErrorPlanes{reference.values.strip(s), reference.mean.strip(s), reference.square.strip(s),
                       distorted.strip(s),        means_[0].strip(s),      means_[1].strip(s),
                       means_[2].strip(s),        gradient_[c].strip(s)};
  };
  for_strips([&](int s) { error_gradient(planes(s), slopes, strip_pixels()); });
  for (StripPlane& plane : means_) {
    clear_padding(plane);
    blur(plane, nullptr, plane);
  }
  for_strips([&](int s) { combine(planes(s), strip_pixels()); });
  return norms;
}

void ScaleGradient::convert_back(LinearImage& image) const {
  parallel_for(shape_.height, kRowsInPart, threads_, [&](int begin, int end) {
    for (int y = begin; y < end; ++y) {
      for (int s = 0; s < shape_.strips(); ++s) {
        const size_t at = shape_.strip_size() * s + static_cast<size_t>(y) * kStripWidth;
        const float *xyb[kComponents], *gradient[kComponents];
        float* rgb[3];
        for (int c = 0; c < kComponents; ++c) {
          xyb[c] = xyb_[c].values.data() + at;
          gradient[c] = gradient_[c].values.data() + at;
          rgb[c] = image.row(c, y) + s * kStripWidth;
        }
        xyb_adjoint(xyb, gradient, kStripWidth, rgb);
      }
    }
  });
}

}  // namespace

double Ssimulacra2::gradient(const float* rgb, int threads, float* out) const {
  const int scales = static_cast<int>(references_.size()) / kComponents;
  const std::vector<double> weights = score_weights();
  std::array<std::array<Norms, kScales>, kComponents> all;
  std::vector<LinearImage> images;
  images.push_back(linear_from_srgb(rgb, shape_, threads));
  for (int s = 0; s < scales; ++s) {
    if (s + 1 < scales) images.push_back(halve(images[s]));
    ScaleGradient scale(kernels_, filter_, images[s].shape, threads);
    scale.convert(images[s]);
    for (int c = 0; c < kComponents; ++c) {
      const double* own = weights.data() + static_cast<size_t>(c * scales + s) * kNorms * kMaps;
      all[c][s] = scale.differentiate(references_[s * kComponents + c], c, own);
    }
    scale.convert_back(images[s]);
  }
  for (int s = scales - 1; s > 0; --s) add_halving_adjoint(images[s], images[s - 1]);
  const std::vector<double> norms = flatten(all, scales);
  const float slope = static_cast<float>(score_slope(norms));
  const SrgbCurve& curve = SrgbCurve::get();
  parallel_for(shape_.height, kRowsInPart, threads, [&](int begin, int end) {
    for (int y = begin; y < end; ++y) {
      const size_t at = static_cast<size_t>(y) * shape_.width * 3;
      for (int c = 0; c < 3; ++c) {
        const float* by_linear = images[0].row(c, y);
        for (int x = 0; x < shape_.width; ++x) {
          const size_t i = at + 3 * static_cast<size_t>(x) + c;
          out[i] = slope * by_linear[x] * curve.at(rgb[i]).slope;
        }
      }
    }
  });
  return score_from_norms(norms);
}

}  // namespace saliency_jpeg::metrics
