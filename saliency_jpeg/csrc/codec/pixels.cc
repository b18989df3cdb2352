#include "codec/pixels.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "common/simd.h"
#include "common/ycbcr.h"

namespace saliency_jpeg::codec {
namespace {

SJ_INLINE float clip(float sample) { return std::min(std::max(0.0f, sample), 255.0f); }  // NaN becomes 0

template <class T>
SJ_INLINE T to_value(float sample) {
  if constexpr (std::is_floating_point_v<T>) {
    return clip(sample) / 255.0f;
  } else {
    constexpr float kScale = std::numeric_limits<T>::max() / 255;
    return static_cast<T>(static_cast<int>(clip(sample) * kScale + 0.5f));
  }
}

template <class T>
SJ_INLINE void write_channel(const float* samples, int width, int step, T* out) {
  for (int x = 0; x < width; ++x) out[x * step] = to_value<T>(samples[x]);
}

template <class T>
SJ_INLINE void write_rgb(const float* luma, const float* cb, const float* cr, int width, T* out) {
  for (int x = 0; x < width; ++x) {
    const float y = clip(luma[x]), b = clip(cb[x]) - 128.0f, r = clip(cr[x]) - 128.0f;
    out[3 * x] = to_value<T>(y + kRedFromCr * r);
    out[3 * x + 1] = to_value<T>(y - kGreenFromCb * b - kGreenFromCr * r);
    out[3 * x + 2] = to_value<T>(y + kBlueFromCb * b);
  }
}

// SJ_MULTIVERSION is not for templates, so each type has its function.
SJ_MULTIVERSION
void write_rgb_row(const float* const rows[3], int width, uint8_t* out) {
  write_rgb(rows[0], rows[1], rows[2], width, out);
}
SJ_MULTIVERSION
void write_rgb_row(const float* const rows[3], int width, uint16_t* out) {
  write_rgb(rows[0], rows[1], rows[2], width, out);
}
SJ_MULTIVERSION
void write_rgb_row(const float* const rows[3], int width, float* out) {
  write_rgb(rows[0], rows[1], rows[2], width, out);
}

}  // namespace

template <class T>
void to_pixels(const std::vector<SampledPlane>& planes, bool is_ycc, int height, int width, T* out) {
  std::vector<Upsampler> upsamplers;
  for (const auto& [plane, h, v] : planes) upsamplers.emplace_back(plane, h, v, is_interpolated(plane.width, h, v));
  const int channels = static_cast<int>(planes.size());
  for (int y = 0; y < height; ++y) {
    T* line = out + static_cast<size_t>(y) * width * channels;
    const float* rows[3] = {};
    for (int c = 0; c < channels; ++c) rows[c] = upsamplers[c].row(y);
    if (is_ycc) {
      write_rgb_row(rows, width, line);
    } else {
      for (int c = 0; c < channels; ++c) write_channel(rows[c], width, channels, line + c);
    }
  }
}

template void to_pixels(const std::vector<SampledPlane>&, bool, int, int, uint8_t*);
template void to_pixels(const std::vector<SampledPlane>&, bool, int, int, uint16_t*);
template void to_pixels(const std::vector<SampledPlane>&, bool, int, int, float*);

}  // namespace saliency_jpeg::codec
