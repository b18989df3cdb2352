#include "metrics/linear_planes.h"

#include <algorithm>

#include "metrics/srgb_curve.h"

namespace saliency_jpeg::metrics {

Planes3 linear_planes(const float* rgb, int height, int width, int threads) {
  const SrgbCurve& curve = SrgbCurve::get();
  Planes3 planes = {Plane(height, width), Plane(height, width), Plane(height, width)};
  for_ranges(planes[0].size(), threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      for (int c = 0; c < 3; ++c) planes[c].values[i] = curve.linear(rgb[3 * i + c]);
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

void pull_back_linear(const float* rgb, const Planes3& gradient, int threads, float* out) {
  const SrgbCurve& curve = SrgbCurve::get();
  for_ranges(gradient[0].size(), threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      for (int c = 0; c < 3; ++c) {
        out[3 * i + c] = gradient[c].values[i] * curve.at(rgb[3 * i + c]).slope;
      }
    }
  });
}

}  // namespace saliency_jpeg::metrics
