// Linear RGB in planes, at falling resolutions, with derivatives.
#pragma once

#include <array>

#include "metrics/planes.h"

namespace saliency_jpeg::metrics {

using Planes3 = std::array<Plane, 3>;

// Converts interleaved sRGB, 0 to 255, values beyond clipped.
Planes3 linear_planes(const float* rgb, int height, int width, int threads);

// Averages 2x2 pixels.  An odd last row or column counts twice.
Planes3 halved(const Planes3& planes);

// Adds the derivatives by the larger planes to `out`, given those by the halved ones.
void pull_back_halved(const Planes3& gradient, Planes3& out);

// Sets `out` to derivatives by interleaved sRGB; 0 for values that were clipped.
void pull_back_linear(const float* rgb, const Planes3& gradient, int threads, float* out);

}  // namespace saliency_jpeg::metrics
