// The first half of butteraugli: what an image looks like to the eye, in four bands of frequency.
#pragma once

#include <array>

#include "metrics/linear_planes.h"

namespace saliency_jpeg::metrics {

// The bands of an image, by component: X, Y and, in two of them, B.
struct Bands {
  Planes3 low, middle;
  std::array<Plane, 2> high, highest;
  Plane mask;  // how much texture there is
};

// What derivatives of the bands by the image need.
struct Trace {
  Planes3 blurred;                             // linear RGB
  Planes3 middle;                              // before values around zero are changed
  std::array<Plane, 2> high_raw, high_smooth;  // with the suppression of X by Y; the latter blurred
  std::array<Plane, 2> high_first;             // before the suppression
};

// Divides an image into bands. Sets `trace`.
Bands divide_bands(const Planes3& linear_rgb, int threads, Trace& trace);

// Returns derivatives by linear RGB, given those by the bands, which it changes.
Planes3 pull_back_bands(const Planes3& linear_rgb, const Bands& bands, const Trace& trace, Bands& by, int threads);

}  // namespace saliency_jpeg::metrics
