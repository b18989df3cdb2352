// Brings the samples of a component to the resolution of the image.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace saliency_jpeg::codec {

// The samples of a component, `stride` from row to row; the caller keeps them, from row `first` on.
struct Plane {
  const float* samples = nullptr;
  int height = 0;
  int width = 0;
  size_t stride = 0;
  int first = 0;

  // Rows outside the plane repeat the nearest row.
  const float* row(int y) const { return samples + (std::clamp(y, 0, height - 1) - first) * stride; }
};

// Whether libjpeg-turbo interpolates a component of this width, one sample of which stands for h x v pixels.
inline bool is_interpolated(int width, int h, int v) { return h <= 2 && v <= 2 && (h == 1 || width > 2); }

// Returns the rows of a plane at the resolution of the image.  Upsamples as decoders do: where a sample stands for two
// pixels along an axis, it interpolates, unless `smooth` is false; otherwise it repeats samples.
class Upsampler {
 public:
  Upsampler(const Plane& plane, int h, int v, bool smooth = true);

  // Row y of the image, of h * plane.width samples.  Valid until the next call.
  const float* row(int y);

 private:
  Plane plane_;
  int h_, v_;
  bool smooth_;
  std::vector<float> tall_, wide_;
};

}  // namespace saliency_jpeg::codec
