#include "metrics/butteraugli.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "common/simd.h"
#include "metrics/butteraugli_bands.h"
#include "metrics/butteraugli_lines.h"

namespace saliency_jpeg::metrics {
namespace {

constexpr int kLeastSide = 8;  // smaller images have no map

// Differences ---------------------------------------------------------------------------------------------------------

constexpr double kAsymmetry = 0.8;
constexpr float kLow[3] = {29.2353797994f, 0.844626970982f, 0.703646627719f};
constexpr float kMiddle[3] = {2150.0f, 10.6195433239f, 16.2176043152f};
constexpr double kHigh[2] = {400.0, 1.50815703118};
constexpr float kMaskToError = 10.0f;

// Masking -------------------------------------------------------------------------------------------------------------

constexpr double kGoodQuality = 17.8 * 0.79079917404;  // a distance that becomes 1
constexpr int kErosionStep = 3;

// All comparisons along lines: the band, the component, the weights.
struct LineComparison {
  const Plane& (*of)(const Bands&);
  Plane& (*gradient)(Bands&);
  LineWeights weights;
};

template <std::array<Plane, 2> Bands::* Band, int Component>
const Plane& pick(const Bands& bands) {
  return (bands.*Band)[Component];
}
template <std::array<Plane, 2> Bands::* Band, int Component>
Plane& pick(Bands& bands) {
  return (bands.*Band)[Component];
}
template <Planes3 Bands::* Band, int Component>
const Plane& pick3(const Bands& bands) {
  return (bands.*Band)[Component];
}
template <Planes3 Bands::* Band, int Component>
Plane& pick3(Bands& bands) {
  return (bands.*Band)[Component];
}

std::vector<LineComparison> line_comparisons() {
  const double a = kAsymmetry, r = std::sqrt(kAsymmetry);
  return {
      {pick<&Bands::highest, 1>, pick<&Bands::highest, 1>, {true, 1.10039032555 * a, 1.10039032555 / a, 71.7800275169}},
      {pick<&Bands::highest, 0>, pick<&Bands::highest, 0>, {true, 173.5 * a, 173.5 / a, 5.0}},
      {pick<&Bands::high, 1>, pick<&Bands::high, 1>, {false, 18.7237414387 * r, 18.7237414387 / r, 4498534.45232}},
      {pick<&Bands::high, 0>, pick<&Bands::high, 0>, {false, 6923.99476109 * r, 6923.99476109 / r, 8051.15833247}},
      {pick3<&Bands::middle, 1>, pick3<&Bands::middle, 1>, {false, 37.0819870399, 37.0819870399, 130262059.556}},
      {pick3<&Bands::middle, 0>, pick3<&Bands::middle, 0>, {false, 8246.75321353, 8246.75321353, 1009002.70582}},
  };
}

// Squared differences with a second term where samples shrink to 40 % or grow.
SJ_INLINE float uneven_square(float a, float b, float even, float uneven) {
  const float size = std::fabs(a), along = a < 0 ? -b : b;
  const float impact = along < 0.4f * size ? 0.4f * size - along : along > size ? along - size : 0;
  return even * (a - b) * (a - b) + uneven * impact * impact;
}
SJ_INLINE float slope_of_uneven_square(float a, float b, float even, float uneven) {
  const float size = std::fabs(a), direction = a < 0 ? -1.0f : 1.0f, along = direction * b;
  const float impact = along < 0.4f * size ? along - 0.4f * size : along > size ? along - size : 0;
  return 2 * even * (b - a) + 2 * uneven * impact * direction;
}

// The three least values among a sample and its eight neighbours at a distance, weighted.
Plane eroded(const Plane& mask) {
  Plane out = like(mask);
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      const float center = mask.row(y)[x];
      float least[3] = {1e30f, 2 * center, 2 * center};
      for (int dy = -kErosionStep; dy <= kErosionStep; dy += kErosionStep) {
        for (int dx = -kErosionStep; dx <= kErosionStep; dx += kErosionStep) {
          const int v = y + dy, u = x + dx;
          if (v < 0 || v >= mask.height || u < 0 || u >= mask.width) continue;
          float value = mask.row(v)[u];
          for (float& each : least) {
            if (value < each) std::swap(value, each);
          }
        }
      }
      out.row(y)[x] = 0.45f * least[0] + 0.3f * least[1] + 0.25f * least[2];
    }
  }
  return out;
}

double squared(double x) { return x * x; }
float mask_factor(float texture, double factor, double scale, double offset) {
  return static_cast<float>(squared((1 + factor / (scale * texture + offset)) / kGoodQuality));
}

}  // namespace

// The reference at one resolution.
struct Butteraugli::Scale {
  Bands bands;
  Plane mask, mask_low;  // factors of squared differences

  Scale(const Planes3& linear_rgb, int threads) {
    Trace trace;
    bands = divide_bands(linear_rgb, threads, trace);
    const Plane texture = eroded(bands.mask);
    mask = mask_low = like(texture);
    for (size_t i = 0; i < texture.size(); ++i) {
      mask.values[i] = mask_factor(texture.values[i], 2.5485944793, 0.451936922203, 0.829591754942);
      mask_low.values[i] = mask_factor(texture.values[i], 0.505054525019, 3.87449418804, 0.20025578522);
    }
  }

  Plane map(const Bands& other, int threads) const {
    Plane sum = like(mask);
    for (const LineComparison& each : line_comparisons()) {
      add_lines(each.of(bands), each.of(other), each.weights, threads, sum);
    }
    for_ranges(sum.size(), threads, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        float high = sum.values[i], low = 0;
        for (int c = 0; c < 2; ++c) {
          high += uneven_square(bands.high[c].values[i], other.high[c].values[i], even(c), uneven(c));
        }
        for (int c = 0; c < 3; ++c) {
          const float m = bands.middle[c].values[i] - other.middle[c].values[i];
          const float l = bands.low[c].values[i] - other.low[c].values[i];
          high += kMiddle[c] * m * m;
          low += kLow[c] * l * l;
        }
        const float m = bands.mask.values[i] - other.mask.values[i];
        high += kMaskToError * m * m;
        sum.values[i] = std::sqrt(high * mask.values[i] + low * mask_low.values[i]);
      }
    });
    return sum;
  }

  // Derivatives by linear RGB, given those by the map.
  Planes3 pull_back(const Planes3& linear_rgb, const Bands& other, const Trace& trace, const Plane& values,
                    const Plane& gradient, int threads) const {
    Plane by_high = like(mask);
    Bands by;
    for (Plane& plane : by.low) plane = like(mask);
    for (Plane& plane : by.middle) plane = like(mask);
    for (Plane& plane : by.high) plane = like(mask);
    for (Plane& plane : by.highest) plane = like(mask);
    by.mask = like(mask);
    for_ranges(mask.size(), threads, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const float by_square = gradient.values[i] / (2 * std::max(values.values[i], 1e-6f));
        const float high = by_square * mask.values[i], low = by_square * mask_low.values[i];
        by_high.values[i] = high;
        for (int c = 0; c < 2; ++c) {
          by.high[c].values[i] =
              high * slope_of_uneven_square(bands.high[c].values[i], other.high[c].values[i], even(c), uneven(c));
        }
        for (int c = 0; c < 3; ++c) {
          by.middle[c].values[i] = 2 * high * kMiddle[c] * (other.middle[c].values[i] - bands.middle[c].values[i]);
          by.low[c].values[i] = 2 * low * kLow[c] * (other.low[c].values[i] - bands.low[c].values[i]);
        }
        by.mask.values[i] = 2 * high * kMaskToError * (other.mask.values[i] - bands.mask.values[i]);
      }
    });
    for (const LineComparison& each : line_comparisons()) {
      pull_back_lines(each.of(bands), each.of(other), each.weights, by_high, threads, each.gradient(by));
    }
    return pull_back_bands(linear_rgb, other, trace, by, threads);
  }

  static float even(int c) { return static_cast<float>(kHigh[c] * kAsymmetry * 0.8); }
  static float uneven(int c) { return static_cast<float>(kHigh[c] / kAsymmetry * 0.8); }
};

namespace {

constexpr float kHalfWeight = 0.5f, kFullWeight = 1 - 0.3f * kHalfWeight;
constexpr int kNormCount = 3;  // of the orders 3, 6 and 12

struct MapNorms {
  double value[kNormCount] = {};
  double maximum = 0;

  explicit MapNorms(const Plane& map) {
    for (const float distance : map.values) {
      const double third = static_cast<double>(distance) * distance * distance;
      value[0] += third;
      value[1] += third * third;
      value[2] += third * third * third * third;
      maximum = std::max(maximum, static_cast<double>(distance));
    }
    for (int n = 0; n < kNormCount; ++n) {
      value[n] = std::pow(value[n] / static_cast<double>(map.size()), 1.0 / (3 << n));
    }
  }
  double mean() const { return (value[0] + value[1] + value[2]) / kNormCount; }

  // The derivatives of mean() by the map.
  Plane gradient(const Plane& map, int threads) const {
    Plane out = like(map);
    const double share = 1.0 / (kNormCount * static_cast<double>(map.size()));
    double inverse[kNormCount];
    for (int n = 0; n < kNormCount; ++n) inverse[n] = value[n] > 0 ? 1 / value[n] : 0.0;
    for_ranges(map.size(), threads, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        double sum = 0;
        for (int n = 0; n < kNormCount; ++n) {  // (distance / norm)^(order - 1): 2, 5, 11
          const double ratio = map.values[i] * inverse[n], square = ratio * ratio, fourth = square * square;
          sum += n == 0 ? square : n == 1 ? fourth * ratio : fourth * fourth * square * ratio;
        }
        out.values[i] = static_cast<float>(sum * share);
      }
    });
    return out;
  }
};

// Adds the map of half the resolution to that of the whole one.
void add_half(const Plane& half, Plane& map) {
  for (int y = 0; y < map.height; ++y) {
    const float* const coarse = half.row(y / 2);
    float* const to = map.row(y);
    for (int x = 0; x < map.width; ++x) to[x] = kFullWeight * to[x] + kHalfWeight * coarse[x / 2];
  }
}

// The adjoint: returns the derivatives by `half`, and changes those by the sum to those by the map.
Plane pull_back_half(const Plane& half, Plane& gradient) {
  Plane by_half = like(half);
  for (int y = 0; y < gradient.height; ++y) {
    float* const to = by_half.row(y / 2);
    for (int x = 0; x < gradient.width; ++x) to[x / 2] += kHalfWeight * gradient.row(y)[x];
  }
  for (float& value : gradient.values) value *= kFullWeight;
  return by_half;
}

}  // namespace

// What an image looks like at one resolution, beside the reference.
struct Butteraugli::View {
  const Scale& scale;
  Planes3 linear;
  Trace trace;
  Bands bands;
  Plane map;

  View(const Scale& reference, Planes3 planes, int threads) : scale(reference), linear(std::move(planes)) {
    bands = divide_bands(linear, threads, trace);
    map = scale.map(bands, threads);
  }
  Planes3 pull_back(const Plane& by_map, int threads) const {
    return scale.pull_back(linear, bands, trace, map, by_map, threads);
  }
};

Butteraugli::Butteraugli(const ImageView& rgb) : shape_{rgb.height, rgb.width} {
  const std::vector<float> samples(rgb.data, rgb.data + 3 * rgb.pixels());
  const Planes3 planes = linear_planes(samples.data(), rgb.height, rgb.width, 1);
  if (std::min(rgb.height, rgb.width) >= kLeastSide) full_ = std::make_unique<Scale>(planes, 1);
  if (std::min(rgb.height + 1, rgb.width + 1) / 2 >= kLeastSide) half_ = std::make_unique<Scale>(halved(planes), 1);
}

Butteraugli::~Butteraugli() = default;

ButteraugliScore Butteraugli::score(const float* rgb, int threads) const {
  if (!full_) return {};
  Planes3 planes = linear_planes(rgb, shape_.height, shape_.width, threads);
  Plane half;
  if (half_) half = View(*half_, halved(planes), threads).map;
  Plane map = View(*full_, std::move(planes), threads).map;
  if (half_) add_half(half, map);
  const MapNorms norms(map);
  return {norms.maximum, norms.mean()};
}

double Butteraugli::gradient(const float* rgb, int threads, float* out) const {
  if (!full_) {
    std::fill(out, out + 3 * static_cast<size_t>(shape_.height) * shape_.width, 0.0f);
    return 0.0;
  }
  const View full(*full_, linear_planes(rgb, shape_.height, shape_.width, threads), threads);
  std::unique_ptr<View> half;
  Plane map = full.map;
  if (half_) {
    half = std::make_unique<View>(*half_, halved(full.linear), threads);
    add_half(half->map, map);
  }
  const MapNorms norms(map);
  Plane by_map = norms.gradient(map, threads), by_half;
  if (half) by_half = pull_back_half(half->map, by_map);
  Planes3 by_linear = full.pull_back(by_map, threads);
  if (half) pull_back_halved(half->pull_back(by_half, threads), by_linear);
  pull_back_linear(rgb, by_linear, threads, out);
  return norms.mean();
}

}  // namespace saliency_jpeg::metrics
