#include "metrics/linear_planes.h"

#include <algorithm>
#include <cmath>

namespace saliency_jpeg::metrics {
namespace {

float linear(float v) { return v > 0.04045f ? std::pow((v + 0.055f) / 1.055f, 2.4f) : v / 12.92f; }
float slope_of_linear(float v) {
  return v > 0.04045f ? 2.4f / 1.055f * std::pow((v + 0.055f) / 1.055f, 1.4f) : 1 / 12.92f;
}

}  // namespace

Planes3 linear_planes(const float* rgb, int height, int width, int threads) {
  Planes3 planes = {Plane(height, width), Plane(height, width), Plane(height, width)};
  for_ranges(planes[0].size(), threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      for (int c = 0; c < 3; ++c) {
        planes[c].values[i] = linear(std::min(std::max(rgb[3 * i + c], 0.0f), 255.0f) / 255);
      }
    }
  });
  return planes;
}

Planes3 halved(const Planes3& planes) {
  const int height = planes[0].height, width = planes[0].width;
  Planes3 out;
  for (int c = 0; c < 3; ++c) {
    out[c] = Plane((height + 1) / 2, (width + 1) / 2);
    for (int y = 0; y < out[c].height; ++y) {
      const float *top = planes[c].row(2 * y), *bottom = planes[c].row(std::min(2 * y + 1, height - 1));
      for (int x = 0; x < out[c].width; ++x) {
        const int right = std::min(2 * x + 1, width - 1);
        out[c].row(y)[x] = 0.25f * (top[2 * x] + top[right] + bottom[2 * x] + bottom[right]);
      }
    }
  }
  return out;
}

void pull_back_halved(const Planes3& gradient, Planes3& out) {
  const int height = out[0].height, width = out[0].width;
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < gradient[c].height; ++y) {
      float *top = out[c].row(2 * y), *bottom = out[c].row(std::min(2 * y + 1, height - 1));
      for (int x = 0; x < gradient[c].width; ++x) {
        const int right = std::min(2 * x + 1, width - 1);
        const float part = 0.25f * gradient[c].row(y)[x];
        top[2 * x] += part;
        top[right] += part;
        bottom[2 * x] += part;
        bottom[right] += part;
      }
    }
  }
}

void pull_back_linear(const float* rgb, const Planes3& gradient, float scale, int threads, float* out) {
  for_ranges(gradient[0].size(), threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      for (int c = 0; c < 3; ++c) {
        const float value = rgb[3 * i + c];
        const bool inside = value >= 0 && value <= 255;
        out[3 * i + c] = inside ? scale * gradient[c].values[i] * slope_of_linear(value / 255) / 255 : 0.0f;
      }
    }
  });
}

}  // namespace saliency_jpeg::metrics
