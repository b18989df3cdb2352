#include "metrics/planes.h"

#include <algorithm>
#include <cmath>

#include "common/simd.h"

namespace saliency_jpeg::metrics {
namespace {

// out[x] = kernel[0] * in[x] + sum of kernel[i] * (in[x - i] + in[x + i])
SJ_MULTIVERSION
void convolve_row(const float* in, const float* kernel, int radius, int width, float* out) {
  for (int x = 0; x < width; ++x) out[x] = kernel[0] * in[x];
  for (int i = 1; i <= radius; ++i) {
    const float weight = kernel[i];
    for (int x = 0; x < width; ++x) out[x] += weight * (in[x - i] + in[x + i]);
  }
}

SJ_MULTIVERSION
void add_rows(const float* a, const float* b, float weight, int width, float* out) {
  for (int x = 0; x < width; ++x) out[x] += weight * (a[x] + b[x]);
}

SJ_MULTIVERSION
void add_row(const float* a, float weight, int width, float* out) {
  for (int x = 0; x < width; ++x) out[x] += weight * a[x];
}

SJ_MULTIVERSION
void multiply(const float* a, const float* b, int width, float* out) {
  for (int x = 0; x < width; ++x) out[x] = a[x] * b[x];
}

SJ_MULTIVERSION
void multiply(const float* a, float b, int width, float* out) {
  for (int x = 0; x < width; ++x) out[x] = a[x] * b;
}

int mirror(int i, int size) {
  while (i < 0 || i >= size) i = i < 0 ? -i - 1 : 2 * size - 1 - i;
  return i;
}

}  // namespace

Gaussian::Gaussian(double sigma, int radius, bool scaled_at_border, bool mirrored)
    : scaled_at_border_(scaled_at_border && !mirrored), mirrored_(mirrored) {
  std::vector<double> values;
  double sum = 0;
  for (int i = 0; i <= radius; ++i) {
    values.push_back(std::exp(-i * i / (2 * sigma * sigma)));
    sum += (i == 0 ? 1 : 2) * values.back();
  }
  for (double value : values) kernel_.push_back(static_cast<float>(value / sum));
}

std::vector<float> Gaussian::border_scales(int size) const {
  std::vector<float> scales(static_cast<size_t>(size), 1.0f);
  if (!scaled_at_border_) return scales;
  const int radius = static_cast<int>(kernel_.size()) - 1;
  for (int x = 0; x < size; ++x) {
    double sum = 0;
    for (int i = std::max(-radius, -x); i <= std::min(radius, size - 1 - x); ++i) sum += kernel_[std::abs(i)];
    scales[x] = static_cast<float>(1 / sum);
  }
  return scales;
}

void Gaussian::blur(const Plane& in, int threads, Plane& out) const { convolve(in, threads, false, out); }

void Gaussian::pull_back(const Plane& in, int threads, Plane& out) const { convolve(in, threads, true, out); }

void Gaussian::convolve(const Plane& in, int threads, bool scale_first, Plane& out) const {
  const int height = in.height, width = in.width, radius = static_cast<int>(kernel_.size()) - 1;
  const std::vector<float> across = border_scales(width), down = border_scales(height);
  Plane blurred(height, width);
  parallel_for(height, 16, threads, [&](int begin, int end) {
    std::vector<float> line(static_cast<size_t>(width) + 2 * radius, 0.0f);
    for (int y = begin; y < end; ++y) {
      float* const middle = line.data() + radius;
      if (scale_first) {
        multiply(in.row(y), across.data(), width, middle);
        multiply(middle, down[y], width, middle);
      } else {
        std::copy(in.row(y), in.row(y) + width, middle);
      }
      for (int i = 1; mirrored_ && i <= radius; ++i) {
        middle[-i] = middle[mirror(-i, width)];
        middle[width - 1 + i] = middle[mirror(width - 1 + i, width)];
      }
      convolve_row(middle, kernel_.data(), radius, width, blurred.row(y));
      if (!scale_first) multiply(blurred.row(y), across.data(), width, blurred.row(y));
    }
  });
  out = Plane(height, width);
  for_rows(height, threads, [&](int y) {
    float* const to = out.row(y);
    multiply(blurred.row(y), kernel_[0], width, to);
    for (int i = 1; i <= radius; ++i) {
      const bool above = y - i >= 0 || mirrored_, below = y + i < height || mirrored_;
      const int top = mirrored_ ? mirror(y - i, height) : y - i, bottom = mirrored_ ? mirror(y + i, height) : y + i;
      if (above && below) {
        add_rows(blurred.row(top), blurred.row(bottom), kernel_[i], width, to);
      } else if (above || below) {
        add_row(blurred.row(above ? top : bottom), kernel_[i], width, to);
      }
    }
    if (!scale_first) multiply(to, down[y], width, to);
  });
}

}  // namespace saliency_jpeg::metrics
