// Linear RGB as three planes of rows, padded to whole strips with zeros.
#ifndef SALIENCY_JPEG_METRICS_LINEAR_IMAGE_H_
#define SALIENCY_JPEG_METRICS_LINEAR_IMAGE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "metrics/strips.h"

namespace saliency_jpeg::metrics {

struct LinearImage {
  Shape shape;
  std::vector<float> values;

  explicit LinearImage(const Shape& s)
      : shape(s), values(static_cast<std::size_t>(3) * s.height * s.padded_width(), 0.0f) {}
  float* row(int component, int y) { return values.data() + offset(component, y); }
  const float* row(int component, int y) const { return values.data() + offset(component, y); }

 private:
  std::size_t offset(int component, int y) const {
    return (static_cast<std::size_t>(component) * shape.height + y) * shape.padded_width();
  }
};

LinearImage linear_from_srgb(const std::uint8_t* rgb, const Shape& shape);

// Means of 2x2 pixels; an odd last row or column counts twice.
LinearImage halved(const LinearImage& image);

// Sets what lies right of the image and below it to zero.
void clear_padding(StripPlane* plane);

}  // namespace saliency_jpeg::metrics

#endif  // SALIENCY_JPEG_METRICS_LINEAR_IMAGE_H_
