#include "codec/upsample.h"

#include "common/simd.h"

namespace saliency_jpeg::codec {
namespace {

// Interpolates as decoders do: three parts of the nearest sample and one of the next.
SJ_MULTIVERSION
void mix_rows(const float* near, const float* far, int width, float* out) {
  for (int x = 0; x < width; ++x) out[x] = 0.75f * near[x] + 0.25f * far[x];
}

SJ_MULTIVERSION
void widen_row(const float* samples, int width, float* out) {
  for (int x = 0; x < width; ++x) {
    const float before = samples[x > 0 ? x - 1 : 0], after = samples[x + 1 < width ? x + 1 : x];
    out[2 * x] = 0.75f * samples[x] + 0.25f * before;
    out[2 * x + 1] = 0.75f * samples[x] + 0.25f * after;
  }
}

}  // namespace

Upsampler::Upsampler(const Plane& plane, int h, int v, bool smooth)
    : plane_(plane), h_(h), v_(v), smooth_(smooth), tall_(plane.width), wide_(static_cast<size_t>(plane.width) * h) {}

const float* Upsampler::row(int y) {
  const float* samples = plane_.row(y / v_);
  if (v_ == 2 && smooth_) {
    mix_rows(samples, plane_.row(y / 2 + (y % 2 == 0 ? -1 : 1)), plane_.width, tall_.data());
    samples = tall_.data();
  }
  if (h_ == 1) return samples;
  if (h_ == 2 && smooth_) {
    widen_row(samples, plane_.width, wide_.data());
  } else {
    for (size_t x = 0; x < wide_.size(); ++x) wide_[x] = samples[x / h_];
  }
  return wide_.data();
}

}  // namespace saliency_jpeg::codec
