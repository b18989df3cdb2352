#include "metrics/srgb_curve.h"

#include <cmath>

namespace saliency_jpeg::metrics {
namespace {

// The transfer function as a quotient of polynomials.  It differs from the exact function by at most 5e-7.  libjxl
// (BSD-3-Clause) uses the same values.
constexpr float kNumerator[] = {8.210152774e-01f, 7.961564959e-01f, 1.624820318e-01f, 1.043637593e-02f,
                                2.200248328e-04f};
constexpr float kDenominator[] = {6.521209011e-03f, -5.512498495e-02f, 4.987528350e-01f, 1.076976492e+00f,
                                  2.631846970e-01f};
constexpr float kLinearEnd = 0.04045f;

float horner(const float (&coefficients)[5], float x) {
  float y = coefficients[0];
  for (int i = 1; i < 5; ++i) y = std::fma(y, x, coefficients[i]);
  return y;
}

float whole_value(int i) {
  const float v = static_cast<float>(i) * (1.0f / 255.0f);
  return v > kLinearEnd ? horner(kNumerator, v) / horner(kDenominator, v) : v * (1.0f / 12.92f);
}

double whole_slope(int i) {
  const double v = i / 255.0;
  return (v > kLinearEnd ? 2.4 / 1.055 * std::pow((v + 0.055) / 1.055, 1.4) : 1.0 / 12.92) / 255.0;
}

}  // namespace

SrgbCurve::SrgbCurve() {
  for (int i = 0; i < 256; ++i) {
    const double low = whole_value(i), high = whole_value(i < 255 ? i + 1 : i);
    const double slope = whole_slope(i), next = whole_slope(i + 1), rise = high - low;
    pieces_[i] = {{static_cast<float>(low), static_cast<float>(slope),
                   static_cast<float>(3.0 * rise - 2.0 * slope - next), static_cast<float>(slope + next - 2.0 * rise)}};
  }
}

const SrgbCurve& SrgbCurve::get() {
  static const SrgbCurve kCurve;
  return kCurve;
}

}  // namespace saliency_jpeg::metrics
