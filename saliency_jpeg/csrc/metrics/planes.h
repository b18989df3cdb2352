// Planes of floats in rows, and the Gaussian blur that derivatives can be taken through.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "common/parallel.h"

namespace saliency_jpeg::metrics {

struct Plane {
  int height = 0;
  int width = 0;
  std::vector<float> values;

  Plane() = default;
  Plane(int h, int w) : height(h), width(w), values(static_cast<size_t>(h) * w, 0.0f) {}

  float* row(int y) { return values.data() + static_cast<size_t>(y) * width; }
  const float* row(int y) const { return values.data() + static_cast<size_t>(y) * width; }
  size_t size() const { return values.size(); }
};

// A plane of zeros of the same size.
inline Plane like(const Plane& plane) { return Plane(plane.height, plane.width); }

// Calls work(begin, end) for ranges of the elements of a plane.
template <class Work>
void for_ranges(size_t count, int threads, const Work& work) {
  constexpr size_t kGrain = 16384;
  parallel_for(static_cast<int>((count + kGrain - 1) / kGrain), 1, threads,
               [&](int begin, int end) { work(begin * kGrain, std::min(count, end * kGrain)); });
}

// Calls work(y) for every row.
template <class Work>
void for_rows(int height, int threads, const Work& work) {
  parallel_for(height, 16, threads, [&](int begin, int end) {
    for (int y = begin; y < end; ++y) work(y);
  });
}

// A Gaussian that is cut off.  Outside the plane there is nothing: either the weights inside are scaled to sum up to 1,
// or values fall towards the border.
class Gaussian {
 public:
  // `mirrored`: the plane is continued by its mirror image instead, edge samples twice; then blur() is its own adjoint.
  Gaussian(double sigma, int radius, bool scaled_at_border, bool mirrored = false);

  void blur(const Plane& in, int threads, Plane& out) const;
  // The adjoint of blur(): derivatives by the output to those by the input.
  void pull_back(const Plane& in, int threads, Plane& out) const;

 private:
  std::vector<float> border_scales(int size) const;
  void convolve(const Plane& in, int threads, bool scale_first, Plane& out) const;

  std::vector<float> kernel_;  // from the centre on
  bool scaled_at_border_, mirrored_;
};

}  // namespace saliency_jpeg::metrics
