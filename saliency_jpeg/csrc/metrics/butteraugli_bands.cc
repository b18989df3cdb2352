#include "metrics/butteraugli_bands.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/simd.h"

namespace saliency_jpeg::metrics {
namespace {

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
constexpr float kLowX = 32.2217497012f, kLowY = 13.7697791434f, kLowB = 47.504615728f, kYToB = -0.362267051518f;

// Masking -------------------------------------------------------------------------------------------------------------

constexpr float kMaskX = 2.5f, kMaskY = 0.4f, kMaskFactor = 6.19424080439f, kMaskBias = 12.61050594197f;

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
  static const Gaussian kFilter(1.2, 2, true, true);
  return kFilter;
}
const Gaussian& mask_blur() {
  static const Gaussian kFilter(2.7, 6, true);
  return kFilter;
}

SJ_INLINE float remove_around_zero(float x, float w) { return x > w ? x - w : x < -w ? x + w : 0.0f; }
SJ_INLINE float slope_of_remove(float x, float w) { return x > w || x < -w ? 1.0f : 0.0f; }
SJ_INLINE float amplify_around_zero(float x, float w) { return x > w ? x + w : x < -w ? x - w : x + x; }
SJ_INLINE float slope_of_amplify(float x, float w) { return x > w || x < -w ? 1.0f : 2.0f; }
SJ_INLINE float limit(float x, float most) {
  return x >= most ? (x - most) * kBeyondMost + most : x < -most ? (x + most) * kBeyondMost - most : x;
}
SJ_INLINE float slope_of_limit(float x, float most) { return x >= most || x < -most ? kBeyondMost : 1.0f; }

SJ_INLINE float gamma(float v) { return kGammaFactor * std::log(std::max(v, 0.0f) + kGammaShift) - kGammaOffset; }

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
void pull_back_division(const Bands& bands, const Trace& trace, Bands& by, int threads, Planes3& gradient) {
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

}  // namespace

Bands divide_bands(const Planes3& linear_rgb, int threads, Trace& trace) {
  for (int c = 0; c < 3; ++c) receptor_blur().blur(linear_rgb[c], threads, trace.blurred[c]);
  Planes3 xyb = {like(linear_rgb[0]), like(linear_rgb[0]), like(linear_rgb[0])};
  to_opponent(linear_rgb, trace.blurred, threads, xyb);
  return divide(xyb, threads, trace);
}

Planes3 pull_back_bands(const Planes3& linear_rgb, const Bands& bands, const Trace& trace, Bands& by, int threads) {
  Planes3 by_opponent, by_linear = {like(bands.mask), like(bands.mask), like(bands.mask)}, by_blurred = by_linear;
  pull_back_division(bands, trace, by, threads, by_opponent);
  pull_back_opponent(linear_rgb, trace.blurred, by_opponent, threads, by_linear, by_blurred);
  for (int c = 0; c < 3; ++c) {
    Plane through;
    receptor_blur().pull_back(by_blurred[c], threads, through);
    for (size_t i = 0; i < through.size(); ++i) by_linear[c].values[i] += through.values[i];
  }
  return by_linear;
}

}  // namespace saliency_jpeg::metrics
