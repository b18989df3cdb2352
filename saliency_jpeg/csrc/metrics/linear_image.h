// Linear RGB as three planes of rows, padded with zeros to whole strips.
#pragma once

#include <cstddef>
#include <vector>

#include "common/image_view.h"
#include "metrics/strips.h"

namespace saliency_jpeg::metrics {

struct LinearImage {
  Shape shape;
  std::vector<float> values;

  explicit LinearImage(const Shape& s) : shape(s), values(static_cast<size_t>(3) * s.height * s.padded_width(), 0.0f) {}
  float* row(int component, int y) { return values.data() + offset(component, y); }
  const float* row(int component, int y) const { return values.data() + offset(component, y); }

 private:
  size_t offset(int component, int y) const {
    return (static_cast<size_t>(component) * shape.height + y) * shape.padded_width();
  }
};

LinearImage linear_from_srgb(const ImageView& rgb);

// Averages 2x2 pixels.  An odd last row or column counts twice.
LinearImage halve(const LinearImage& image);

// Sets the columns and rows outside the image to zero.
void clear_padding(StripPlane& plane);

}  // namespace saliency_jpeg::metrics
