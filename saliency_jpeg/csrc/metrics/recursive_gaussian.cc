#include "metrics/recursive_gaussian.h"

#include <array>
#include <cmath>

namespace saliency_jpeg::metrics {
namespace {

using Vector = std::array<double, kCosines>;

constexpr double kPi = 3.14159265358979323846;

Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

// Returns x with dot(a, x) = u, dot(b, x) = v, dot(c, x) = w.
Vector solve(const Vector& a, const Vector& b, const Vector& c, double u, double v, double w) {
  const Vector bc = cross(b, c), ca = cross(c, a), ab = cross(a, b);
  const double determinant = dot(a, bc);
  Vector x;
  for (int i = 0; i < kCosines; ++i) x[i] = (u * bc[i] + v * ca[i] + w * ab[i]) / determinant;
  return x;
}

// Returns the amplitudes of the three cosines: the filter has the sum 1, the variance sigma^2, and the least squared
// error against the exact Gaussian.
Vector amplitudes(double sigma, double radius, const Vector& omega) {
  Vector p, r, rho;  // (37), (44), (50)
  for (int k = 0; k < kCosines; ++k) {
    const double sign = k == 1 ? -1.0 : 1.0;
    p[k] = sign / std::tan(0.5 * omega[k]);
    r[k] = sign * p[k] * p[k] / std::sin(omega[k]);
    rho[k] = std::exp(-0.5 * sigma * sigma * omega[k] * omega[k]) / radius;
  }
  Vector zeta = cross(p, r);  // (52)
  const double scale = zeta[2];
  for (double& z : zeta) z /= scale;
  return solve(p, r, zeta, 1.0, radius * radius - sigma * sigma, dot(zeta, rho));  // (53), (55), (56)
}

// Computes the weights of y[n - 1], y[n - 2] and the inputs in y[n + j].  They follow the same recursion as y.
void unroll(double gain, double feedback, float* row_gain, float* row_last, float* row_second) {
  double input[kUnroll], last[kUnroll], second[kUnroll];
  for (int j = 0; j < kUnroll; ++j) {
    const double before[3] = {j > 1 ? input[j - 2] : 0.0, j > 1 ? last[j - 2] : (j == 1 ? 1.0 : 0.0),
                              j > 1 ? second[j - 2] : (j == 1 ? 0.0 : 1.0)};
    input[j] = j > 0 ? feedback * input[j - 1] - before[0] : gain;
    last[j] = j > 0 ? feedback * last[j - 1] - before[1] : feedback;
    second[j] = j > 0 ? feedback * second[j - 1] - before[2] : -1.0;
    row_gain[j] = static_cast<float>(input[j]);
    row_last[j] = static_cast<float>(last[j]);
    row_second[j] = static_cast<float>(second[j]);
  }
}

}  // namespace

RecursiveGaussian make_recursive_gaussian(double sigma) {
  const double radius = std::round(3.2795 * sigma + 0.2546);  // (57)
  Vector omega;
  for (int k = 0; k < kCosines; ++k) omega[k] = (2 * k + 1) * kPi / (2.0 * radius);
  const Vector amplitude = amplitudes(sigma, radius, omega);
  RecursiveGaussian filter;
  filter.radius = static_cast<int>(radius);
  for (int k = 0; k < kCosines; ++k) {  // (33)
    const double gain = -amplitude[k] * std::cos(omega[k] * (radius + 1.0));
    const double feedback = 2.0 * std::cos(omega[k]);
    filter.gain[k] = static_cast<float>(gain);
    filter.feedback[k] = static_cast<float>(feedback);
    unroll(gain, feedback, filter.row_gain[k], filter.row_last[k], filter.row_second[k]);
  }
  return filter;
}

}  // namespace saliency_jpeg::metrics
