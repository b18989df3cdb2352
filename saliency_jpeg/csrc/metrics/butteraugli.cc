#include "metrics/butteraugli.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "common/simd.h"

namespace saliency_jpeg::metrics {
namespace {

constexpr int kLeastSide = 8;  // smaller images have no map

// Receptors -----------------------------------------------------------------------------------------------------------

constexpr float kIntensity = 80.0f;  // of white, in nits
constexpr float kMix[3][3] = {{0.29956550340058319f, 0.63373087833825936f, 0.077705617820981968f},
                              {0.22158691104574774f, 0.69391388044116142f, 0.0987313588422f},
                              {0.02f, 0.02f, 0.20480129041026129f}};
constexpr float kBias[3] = {1.7557483643287353f, 1.7557483643287353f, 12.226454707163354f};
constexpr float kGammaFactor = 19.245013259874995f, kGammaShift = 9.9710635769299145f,
                kGammaOffset = 23.16046239805755f;
constexpr float kLeastSensitivity = 1e-4f;

// Bands ---------------------------------------------------------------------------------------------------------------

constexpr float kRemoveMiddle = 0.29f, kAddMiddle = 0.1f, kRemoveHigh = 1.5f, kAddHigh = 0.132f, kRemoveHighest = 0.04f;
constexpr float kMostHigh = 28.4691806922f, kMostHighest = 5.19175294647f, kBeyondMost = 0.724216146f;
constexpr float kHighFactor = 2.155f, kHighestFactor = 2.69313763794f;
constexpr float kSuppression = 46.0f, kNotSuppressed = 0.653020556257f;
constexpr float kLowX = 33.832837186260f, kLowY = 14.458268100570f, kLowB = 49.87984651440f, kYToB = -0.362267051518f;

// Differences ---------------------------------------------------------------------------------------------------------

constexpr double kAsymmetry = 0.8;
constexpr float kLow[3] = {29.2353797994f, 0.844626970982f, 0.703646627719f};
constexpr float kMiddle[3] = {2150.0f, 10.6195433239f, 16.2176043152f};
constexpr double kHigh[2] = {400.0, 1.50815703118};
constexpr float kMaskToError = 10.0f;

// Masking -------------------------------------------------------------------------------------------------------------

constexpr float kMaskX = 2.5f, kMaskY = 0.4f, kMaskFactor = 6.19424080439f, kMaskBias = 12.61050594197f;
constexpr double kGoodQuality = 17.83 * 0.790799174;  // a distance that becomes 1
constexpr int kErosionStep = 3;

const Gaussian& low_pass() {
  static const Gaussian kFilter(7.15593339443, 16, true);
  return kFilter;
}
const Gaussian& middle_pass() {
  static const Gaussian kFilter(3.22489901262, 7, true);
  return kFilter;
}
const Gaussian& high_pass() {
  static const Gaussian kFilter(1.56416327805, 3, true);
  return kFilter;
}
const Gaussian& receptor_blur() {
  static const Gaussian kFilter(1.2, 2, true);
  return kFilter;
}
const Gaussian& mask_blur() {
  static const Gaussian kFilter(2.7, 6, true);
  return kFilter;
}

Plane like(const Plane& plane) { return Plane(plane.height, plane.width); }

SJ_INLINE float remove_around_zero(float x, float w) { return x > w ? x - w : x < -w ? x + w : 0.0f; }
SJ_INLINE float slope_of_remove(float x, float w) { return x > w || x < -w ? 1.0f : 0.0f; }
SJ_INLINE float amplify_around_zero(float x, float w) { return x > w ? x + w : x < -w ? x - w : x + x; }
SJ_INLINE float slope_of_amplify(float x, float w) { return x > w || x < -w ? 1.0f : 2.0f; }
SJ_INLINE float limit(float x, float most) {
  return x >= most ? (x - most) * kBeyondMost + most : x < -most ? (x + most) * kBeyondMost - most : x;
}
SJ_INLINE float slope_of_limit(float x, float most) { return x >= most || x < -most ? kBeyondMost : 1.0f; }

SJ_INLINE float gamma(float v) { return kGammaFactor * std::log(std::max(v, 0.0f) + kGammaShift) - kGammaOffset; }

// What derivatives of the bands by the image need.
struct Trace {
  Planes3 blurred;                             // linear RGB
  Planes3 middle;                              // before values around zero are changed
  std::array<Plane, 2> high_raw, high_smooth;  // with the suppression of X by Y; the latter blurred
  std::array<Plane, 2> high_first;             // before the suppression
};

// Converts linear RGB, of which 1 is white, to opponent colours.
void to_opponent(const Planes3& linear, const Planes3& blurred, int threads, Planes3& out) {
  for_ranges(linear[0].size(), threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      float mixed[3];
      for (int k = 0; k < 3; ++k) {
        float pre = kBias[k], current = kBias[k];
        for (int c = 0; c < 3; ++c) {
          pre += kMix[k][c] * kIntensity * blurred[c].values[i];
          current += kMix[k][c] * kIntensity * linear[c].values[i];
        }
        pre = std::max(pre, kBias[k]);
        mixed[k] = std::max(current * std::max(gamma(pre) / pre, kLeastSensitivity), kBias[k]);
      }
      out[0].values[i] = mixed[0] - mixed[1];
      out[1].values[i] = mixed[0] + mixed[1];
      out[2].values[i] = mixed[2];
    }
  });
}

// Derivatives by opponent colours to those by linear RGB and by blurred RGB.
void pull_back_opponent(const Planes3& linear, const Planes3& blurred, const Planes3& gradient, int threads,
                        Planes3& by_linear, Planes3& by_blurred) {
  for_ranges(linear[0].size(), threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const float by_mixed[3] = {gradient[0].values[i] + gradient[1].values[i],
                                 gradient[1].values[i] - gradient[0].values[i], gradient[2].values[i]};
      float direct[3] = {}, indirect[3] = {};
      for (int k = 0; k < 3; ++k) {
        float pre = kBias[k], current = kBias[k];
        for (int c = 0; c < 3; ++c) {
          pre += kMix[k][c] * kIntensity * blurred[c].values[i];
          current += kMix[k][c] * kIntensity * linear[c].values[i];
        }
        const bool floored = pre < kBias[k];
        pre = std::max(pre, kBias[k]);
        const float response = gamma(pre) / pre, sensitivity = std::max(response, kLeastSensitivity);
        if (current * sensitivity < kBias[k]) continue;
        const float slope = (kGammaFactor / (pre + kGammaShift) - response) / pre;
        const float by_pre = floored || response < kLeastSensitivity ? 0.0f : by_mixed[k] * current * slope;
        for (int c = 0; c < 3; ++c) {
          direct[c] += by_mixed[k] * sensitivity * kMix[k][c] * kIntensity;
          indirect[c] += by_pre * kMix[k][c] * kIntensity;
        }
      }
      for (int c = 0; c < 3; ++c) {
        by_linear[c].values[i] = direct[c];
        by_blurred[c].values[i] = indirect[c];
      }
    }
  });
}

// Divides opponent colours into bands.
Bands divide(const Planes3& xyb, int threads, Trace& trace) {
  Bands bands;
  for (int c = 0; c < 3; ++c) {
    low_pass().blur(xyb[c], threads, bands.low[c]);
    Plane rest = like(xyb[c]);
    for_ranges(rest.size(), threads, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) rest.values[i] = xyb[c].values[i] - bands.low[c].values[i];
    });
    middle_pass().blur(rest, threads, trace.middle[c]);
    bands.middle[c] = like(rest);
    if (c < 2) trace.high_first[c] = like(rest);
    for_ranges(rest.size(), threads, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const float m = trace.middle[c].values[i];
        bands.middle[c].values[i] = c == 0   ? remove_around_zero(m, kRemoveMiddle)
                                    : c == 1 ? amplify_around_zero(m, kAddMiddle)
                                             : m;
        if (c < 2) trace.high_first[c].values[i] = rest.values[i] - m;
      }
    });
  }
  trace.high_raw[0] = like(xyb[0]);
  trace.high_raw[1] = trace.high_first[1];
  for_ranges(xyb[0].size(), threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const float y = trace.high_first[1].values[i];
      const float kept = kSuppression / (y * y + kSuppression) * (1 - kNotSuppressed) + kNotSuppressed;
      trace.high_raw[0].values[i] = trace.high_first[0].values[i] * kept;
    }
  });
  for (int c = 0; c < 2; ++c) {
    high_pass().blur(trace.high_raw[c], threads, trace.high_smooth[c]);
    bands.high[c] = like(xyb[0]);
    bands.highest[c] = like(xyb[0]);
    for_ranges(xyb[0].size(), threads, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const float raw = trace.high_raw[c].values[i], smooth = trace.high_smooth[c].values[i];
        if (c == 0) {
          bands.highest[c].values[i] = remove_around_zero(raw - smooth, kRemoveHighest);
          bands.high[c].values[i] = remove_around_zero(smooth, kRemoveHigh);
        } else {
          const float limited = limit(smooth, kMostHigh);
          bands.highest[c].values[i] = limit(raw - limited, kMostHighest) * kHighestFactor;
          bands.high[c].values[i] = amplify_around_zero(limited * kHighFactor, kAddHigh);
        }
      }
    });
  }
  for_ranges(xyb[0].size(), threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const float y = bands.low[1].values[i];
      bands.low[2].values[i] = (bands.low[2].values[i] + kYToB * y) * kLowB;
      bands.low[0].values[i] *= kLowX;
      bands.low[1].values[i] = y * kLowY;
    }
  });
  Plane texture = like(xyb[0]);
  const float bias = kMaskFactor * kMaskBias, root = std::sqrt(bias);
  for_ranges(texture.size(), threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const float x = (bands.highest[0].values[i] + bands.high[0].values[i]) * kMaskX;
      const float y = (bands.highest[1].values[i] + bands.high[1].values[i]) * kMaskY;
      texture.values[i] = std::sqrt(kMaskFactor * std::sqrt(x * x + y * y) + bias) - root;
    }
  });
  mask_blur().blur(texture, threads, bands.mask);
  return bands;
}

// Derivatives by the bands to those by opponent colours.  Changes `by`.
void pull_back_bands(const Bands& bands, const Trace& trace, Bands& by, int threads, Planes3& gradient) {
  const size_t count = bands.mask.size();
  Plane by_texture;
  mask_blur().pull_back(by.mask, threads, by_texture);
  const float bias = kMaskFactor * kMaskBias;
  for_ranges(count, threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const float x = (bands.highest[0].values[i] + bands.high[0].values[i]) * kMaskX;
      const float y = (bands.highest[1].values[i] + bands.high[1].values[i]) * kMaskY;
      const float size = std::sqrt(x * x + y * y);
      if (size < 1e-12f) continue;
      const float slope = by_texture.values[i] * kMaskFactor / (2 * std::sqrt(kMaskFactor * size + bias) * size);
      by.high[0].values[i] += slope * x * kMaskX;
      by.highest[0].values[i] += slope * x * kMaskX;
      by.high[1].values[i] += slope * y * kMaskY;
      by.highest[1].values[i] += slope * y * kMaskY;
    }
  });
  std::array<Plane, 2> by_raw, by_smooth;
  for (int c = 0; c < 2; ++c) {
    by_raw[c] = like(bands.mask);
    by_smooth[c] = like(bands.mask);
    for_ranges(count, threads, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const float raw = trace.high_raw[c].values[i], smooth = trace.high_smooth[c].values[i];
        if (c == 0) {
          const float part = by.highest[c].values[i] * slope_of_remove(raw - smooth, kRemoveHighest);
          by_raw[c].values[i] = part;
          by_smooth[c].values[i] = by.high[c].values[i] * slope_of_remove(smooth, kRemoveHigh) - part;
        } else {
          const float limited = limit(smooth, kMostHigh);
          const float part = by.highest[c].values[i] * kHighestFactor * slope_of_limit(raw - limited, kMostHighest);
          const float by_limited =
              by.high[c].values[i] * kHighFactor * slope_of_amplify(limited * kHighFactor, kAddHigh) - part;
          by_raw[c].values[i] = part;
          by_smooth[c].values[i] = by_limited * slope_of_limit(smooth, kMostHigh);
        }
      }
    });
    Plane through;
    high_pass().pull_back(by_smooth[c], threads, through);
    for_ranges(count, threads, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) by_raw[c].values[i] += through.values[i];
    });
  }
  for_ranges(count, threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const float x = trace.high_first[0].values[i], y = trace.high_first[1].values[i];
      const float divisor = y * y + kSuppression, by_x = by_raw[0].values[i];
      by_raw[0].values[i] = by_x * (kSuppression / divisor * (1 - kNotSuppressed) + kNotSuppressed);
      by_raw[1].values[i] -= by_x * x * kSuppression * (1 - kNotSuppressed) * 2 * y / (divisor * divisor);
    }
  });
  for_ranges(count, threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      by.low[0].values[i] *= kLowX;
      by.low[1].values[i] = by.low[1].values[i] * kLowY + by.low[2].values[i] * kLowB * kYToB;
      by.low[2].values[i] *= kLowB;
    }
  });
  for (int c = 0; c < 3; ++c) {
    Plane by_middle = like(bands.mask), by_rest, by_low;
    for_ranges(count, threads, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const float m = trace.middle[c].values[i];
        const float slope = c == 0   ? slope_of_remove(m, kRemoveMiddle)
                            : c == 1 ? slope_of_amplify(m, kAddMiddle)
                                     : 1.0f;
        by_middle.values[i] = by.middle[c].values[i] * slope - (c < 2 ? by_raw[c].values[i] : 0.0f);
      }
    });
    middle_pass().pull_back(by_middle, threads, by_rest);
    if (c < 2) {
      for_ranges(count, threads, [&](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) by_rest.values[i] += by_raw[c].values[i];
      });
    }
    for_ranges(count, threads, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) by.low[c].values[i] -= by_rest.values[i];
    });
    low_pass().pull_back(by.low[c], threads, by_low);
    gradient[c] = std::move(by_rest);
    for_ranges(count, threads, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) gradient[c].values[i] += by_low.values[i];
    });
  }
}

// Lines ---------------------------------------------------------------------------------------------------------------

constexpr int kReach = 4;
constexpr int kLines = 16;

struct Offset {
  int8_t y, x;
};
using Line = std::vector<Offset>;  // half of it: the other half lies opposite the centre, which belongs to it too

// Lines of nine samples, in sixteen directions.
const std::array<Line, kLines>& dense_lines() {
  static const std::array<Line, kLines> kAll = {{
      {{0, 1}, {0, 2}, {0, 3}, {0, 4}},
      {{1, 0}, {2, 0}, {3, 0}, {4, 0}},
      {{1, 1}, {2, 2}, {3, 3}},
      {{1, -1}, {2, -2}, {3, -3}},
      {{1, 0}, {2, -1}, {3, -1}, {4, -1}},
      {{1, 0}, {2, 1}, {3, 1}, {4, 1}},
      {{0, 1}, {1, 2}, {1, 3}, {1, 4}},
      {{0, 1}, {-1, 2}, {-1, 3}, {-1, 4}},
      {{1, 1}, {2, 1}, {3, 2}},
      {{1, -1}, {2, -1}, {3, -2}},
      {{1, 1}, {1, 2}, {2, 3}},
      {{1, -1}, {1, -2}, {2, -3}},
      {{0, 1}, {-1, 2}, {-1, 3}, {-1, 4}},
      {{0, 1}, {1, 2}, {1, 3}, {1, 4}},
      {{1, 0}, {2, 1}, {3, 1}, {4, 1}},
      {{1, 0}, {2, -1}, {3, -1}, {4, -1}},
  }};
  return kAll;
}

// Lines of five samples, for smooth planes.
const std::array<Line, kLines>& sparse_lines() {
  static const std::array<Line, kLines> kAll = {{
      {{0, 2}, {0, 4}},
      {{2, 0}, {4, 0}},
      {{2, 2}, {3, 3}},
      {{2, -2}, {3, -3}},
      {{2, -1}, {4, -1}},
      {{2, 1}, {4, 1}},
      {{1, 2}, {1, 4}},
      {{-1, 2}, {-1, 4}},
      {{2, 1}, {3, 2}},
      {{2, -1}, {3, -2}},
      {{1, 2}, {2, 3}},
      {{1, -2}, {2, -3}},
      {{-1, 2}, {-2, 4}},
      {{1, 2}, {2, 4}},
      {{2, 1}, {4, 2}},
      {{2, -1}, {4, -2}},
  }};
  return kAll;
}

// A plane with a margin of zeros, so that lines may leave it.
struct Margined {
  int height, width;
  size_t stride;
  std::vector<float> values;

  Margined(int h, int w)
      : height(h), width(w), stride(static_cast<size_t>(w) + 2 * kReach), values(stride * (h + 2 * kReach), 0.0f) {}
  float* row(int y) { return values.data() + stride * (y + kReach) + kReach; }
  const float* row(int y) const { return values.data() + stride * (y + kReach) + kReach; }
};

SJ_MULTIVERSION
void add_pair(const float* a, const float* b, int width, float* sums) {
  for (int x = 0; x < width; ++x) sums[x] += a[x] + b[x];
}

SJ_MULTIVERSION
void add_squares(const float* sums, int width, float weight, float* out) {
  for (int x = 0; x < width; ++x) out[x] += weight * sums[x] * sums[x];
}

SJ_MULTIVERSION
void set_product(const float* a, const float* b, int width, float weight, float* out) {
  for (int x = 0; x < width; ++x) out[x] = weight * a[x] * b[x];
}

void sum_line(const Margined& plane, const Line& line, int y, float* sums) {
  std::copy(plane.row(y), plane.row(y) + plane.width, sums);
  for (const Offset& o : line) {
    add_pair(plane.row(y + o.y) + o.x, plane.row(y - o.y) - o.x, plane.width, sums);
  }
}

// The lines that differ, and how often each occurs.
std::vector<std::pair<const Line*, float>> counted(const std::array<Line, kLines>& lines) {
  std::vector<std::pair<const Line*, float>> found;
  const auto same = [](const Line& a, const Line& b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](const Offset& p, const Offset& q) {
             return p.y == q.y && p.x == q.x;
           });
  };
  for (const Line& line : lines) {
    bool known = false;
    for (auto& [other, times] : found) {
      if (same(*other, line)) {
        times += 1;
        known = true;
      }
    }
    if (!known) found.push_back({&line, 1.0f});
  }
  return found;
}

// One comparison along lines.
struct LineWeights {
  bool dense;
  double added, lost, norm;  // weights of samples that are larger, or smaller, than those of the reference
};

// Differences that are larger where samples shrink to 55 % or grow beyond 105 %.
struct LineDifference {
  float even, uneven, norm;  // at samples of 0

  explicit LineDifference(const LineWeights& w) {
    const double factor = (w.dense ? 0.39905817637 : 0.611612573796) / (3.75 * 2 + 1);
    even = static_cast<float>(factor * std::sqrt(0.5 * w.added) * w.norm);
    uneven = static_cast<float>(factor * std::sqrt(0.33 * w.lost) * w.norm);
    norm = static_cast<float>(w.norm);
  }

  SJ_INLINE float value(float a, float b) const {
    const float scale = 1 / (norm + 0.5f * (std::fabs(a) + std::fabs(b)));
    const float size = std::fabs(a), along = a < 0 ? -b : b, difference = a - b;
    const float impact = along < 0.55f * size ? 0.55f * size - along : along > 1.05f * size ? along - 1.05f * size : 0;
    return scale * (even * difference + (difference < 0 ? -uneven : uneven) * impact);
  }

  // The derivative by b.
  SJ_INLINE float slope(float a, float b) const {
    const float scale = 1 / (norm + 0.5f * (std::fabs(a) + std::fabs(b)));
    const float size = std::fabs(a), direction = a < 0 ? -1.0f : 1.0f, along = direction * b, difference = a - b;
    const bool small = along < 0.55f * size, big = along > 1.05f * size;
    const float impact = small ? 0.55f * size - along : big ? along - 1.05f * size : 0;
    const float by_impact = small ? -direction : big ? direction : 0;
    const float sign = difference < 0 ? -uneven : uneven;
    const float value = scale * (even * difference + sign * impact);
    return scale * (sign * by_impact - even) - value * scale * 0.5f * (b < 0 ? -1.0f : 1.0f);
  }
};

Margined line_differences(const Plane& a, const Plane& b, const LineDifference& difference, int threads) {
  Margined plane(a.height, a.width);
  for_rows(a.height, threads, [&](int y) {
    const float *p = a.row(y), *q = b.row(y);
    float* const to = plane.row(y);
    for (int x = 0; x < a.width; ++x) to[x] = difference.value(p[x], q[x]);
  });
  return plane;
}

void add_lines(const Plane& a, const Plane& b, const LineWeights& weights, int threads, Plane& sum) {
  const Margined plane = line_differences(a, b, LineDifference(weights), threads);
  const auto lines = counted(weights.dense ? dense_lines() : sparse_lines());
  parallel_for(a.height, 16, threads, [&](int begin, int end) {
    std::vector<float> sums(static_cast<size_t>(a.width));
    for (int y = begin; y < end; ++y) {
      for (const auto& [line, times] : lines) {
        sum_line(plane, *line, y, sums.data());
        add_squares(sums.data(), a.width, times, sum.row(y));
      }
    }
  });
}

// Adds derivatives by b, given those by the sums of squares.
void pull_back_lines(const Plane& a, const Plane& b, const LineWeights& weights, const Plane& gradient, int threads,
                     Plane& by_b) {
  const LineDifference difference(weights);
  const Margined plane = line_differences(a, b, difference, threads);
  const auto lines = counted(weights.dense ? dense_lines() : sparse_lines());
  Plane by_difference = like(a);
  Margined effect(a.height, a.width);
  for (const auto& counted_line : lines) {
    const Line& line = *counted_line.first;
    const float factor = 2 * counted_line.second;
    parallel_for(a.height, 16, threads, [&](int begin, int end) {
      std::vector<float> sums(static_cast<size_t>(a.width));
      for (int y = begin; y < end; ++y) {
        sum_line(plane, line, y, sums.data());
        set_product(sums.data(), gradient.row(y), a.width, factor, effect.row(y));
      }
    });
    parallel_for(a.height, 16, threads, [&](int begin, int end) {
      for (int y = begin; y < end; ++y) {
        float* const to = by_difference.row(y);
        for (int x = 0; x < a.width; ++x) to[x] += effect.row(y)[x];
        for (const Offset& o : line) add_pair(effect.row(y + o.y) + o.x, effect.row(y - o.y) - o.x, a.width, to);
      }
    });
  }
  for_rows(a.height, threads, [&](int y) {
    const float *p = a.row(y), *q = b.row(y), *g = by_difference.row(y);
    float* const to = by_b.row(y);
    for (int x = 0; x < a.width; ++x) to[x] += g[x] * difference.slope(p[x], q[x]);
  });
}

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

Bands analyze(const Planes3& linear_rgb, int threads, Trace& trace) {
  for (int c = 0; c < 3; ++c) receptor_blur().blur(linear_rgb[c], threads, trace.blurred[c]);
  Planes3 xyb = {like(linear_rgb[0]), like(linear_rgb[0]), like(linear_rgb[0])};
  to_opponent(linear_rgb, trace.blurred, threads, xyb);
  return divide(xyb, threads, trace);
}

// The three least values among a sample and its eight neighbours at a distance, weighted.
Plane eroded(const Plane& mask) {
  Plane out = like(mask);
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      float least[3] = {1e30f, 1e30f, 1e30f};
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
    bands = analyze(linear_rgb, threads, trace);
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
    Planes3 by_opponent, by_linear = {like(mask), like(mask), like(mask)}, by_blurred = by_linear;
    pull_back_bands(other, trace, by, threads, by_opponent);
    pull_back_opponent(linear_rgb, trace.blurred, by_opponent, threads, by_linear, by_blurred);
    for (int c = 0; c < 3; ++c) {
      Plane through;
      receptor_blur().pull_back(by_blurred[c], threads, through);
      for (size_t i = 0; i < through.size(); ++i) by_linear[c].values[i] += through.values[i];
    }
    return by_linear;
  }

  static float even(int c) { return static_cast<float>(kHigh[c] * kAsymmetry * 0.8); }
  static float uneven(int c) { return static_cast<float>(kHigh[c] / kAsymmetry * 0.8); }
};

Butteraugli::Butteraugli(const ImageView& rgb) : height_(rgb.height), width_(rgb.width) {
  const std::vector<float> samples(rgb.data, rgb.data + 3 * rgb.pixels());
  const Planes3 planes = linear_planes(samples.data(), height_, width_, 1);
  if (std::min(height_, width_) >= kLeastSide) full_ = std::make_unique<Scale>(planes, 1);
  if (std::min(height_ + 1, width_ + 1) / 2 >= kLeastSide) half_ = std::make_unique<Scale>(halved(planes), 1);
}

Butteraugli::~Butteraugli() = default;

ButteraugliScore Butteraugli::compare(const float* rgb, int threads, float* gradient) const {
  constexpr float kHalfWeight = 0.5f, kFullWeight = 1 - 0.3f * kHalfWeight;
  const size_t count = static_cast<size_t>(height_) * width_;
  if (!full_) {
    if (gradient != nullptr) std::fill(gradient, gradient + 3 * count, 0.0f);
    return {};
  }
  const Planes3 planes = linear_planes(rgb, height_, width_, threads);
  Trace trace, half_trace;
  const Bands bands = analyze(planes, threads, trace);
  const Plane own = full_->map(bands, threads);
  Plane map = own;
  Planes3 half_planes;
  Bands half_bands;
  Plane half_map;
  if (half_) {
    half_planes = halved(planes);
    half_bands = analyze(half_planes, threads, half_trace);
    half_map = half_->map(half_bands, threads);
    for (int y = 0; y < height_; ++y) {
      const float* const coarse = half_map.row(y / 2);
      for (int x = 0; x < width_; ++x) map.row(y)[x] = kFullWeight * map.row(y)[x] + kHalfWeight * coarse[x / 2];
    }
  }
  ButteraugliScore score;
  double sums[3] = {};
  for (float value : map.values) {
    const double third = static_cast<double>(value) * value * value;
    sums[0] += third;
    sums[1] += third * third;
    sums[2] += third * third * third * third;
    score.maximum = std::max(score.maximum, static_cast<double>(value));
  }
  double norms[3];
  for (int i = 0, order = 3; i < 3; ++i, order *= 2) {
    norms[i] = std::pow(sums[i] / static_cast<double>(count), 1.0 / order);
    score.norm3 += norms[i] / 3;
  }
  if (gradient == nullptr) return score;

  Plane by_map(height_, width_);
  for_ranges(count, threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      double sum = 0;
      for (int n = 0, order = 3; n < 3; ++n, order *= 2) {
        if (norms[n] > 0) sum += std::pow(map.values[i] / norms[n], order - 1);
      }
      by_map.values[i] = static_cast<float>(sum / (3.0 * static_cast<double>(count)));
    }
  });
  Plane by_own = by_map;
  Planes3 by_linear;
  if (half_) {
    for (float& value : by_own.values) value *= kFullWeight;
  }
  by_linear = full_->pull_back(planes, bands, trace, own, by_own, threads);
  if (half_) {
    Plane by_half = like(half_map);
    for (int y = 0; y < height_; ++y) {
      for (int x = 0; x < width_; ++x) by_half.row(y / 2)[x / 2] += kHalfWeight * by_map.row(y)[x];
    }
    pull_back_halved(half_->pull_back(half_planes, half_bands, half_trace, half_map, by_half, threads), by_linear);
  }
  pull_back_linear(rgb, by_linear, 1.0f, threads, gradient);
  return score;
}

}  // namespace saliency_jpeg::metrics
