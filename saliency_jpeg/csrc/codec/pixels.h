// Samples of the components to pixels.
#pragma once

#include <cstdint>
#include <vector>

#include "codec/upsample.h"

namespace saliency_jpeg::codec {

// A component: one sample stands for h x v pixels.
struct SampledPlane {
  Plane plane;
  int h = 1;
  int v = 1;
};

// Writes height x width pixels, as many channels as there are planes: 1, or 3 that are YCbCr (JFIF) if `is_ycc`.
// Limits samples to 0..255 before and after the conversion.  T is uint8_t, uint16_t (255 becomes 65535) or float (255
// becomes 1); integers are rounded to nearest.
template <class T>
void to_pixels(const std::vector<SampledPlane>& planes, bool is_ycc, int height, int width, T* out);

extern template void to_pixels(const std::vector<SampledPlane>&, bool, int, int, uint8_t*);
extern template void to_pixels(const std::vector<SampledPlane>&, bool, int, int, uint16_t*);
extern template void to_pixels(const std::vector<SampledPlane>&, bool, int, int, float*);

}  // namespace saliency_jpeg::codec
