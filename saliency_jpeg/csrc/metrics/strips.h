// Planes of floats, stored as strips of sixteen columns.
//
//   strip 0: row 0 columns 0..15, row 1 columns 0..15, ...   strip 1: row 0 columns 16..31, ...
//
// A pass down the columns reads a strip from end to end.  A pass along the rows finds sixteen rows of a strip in one
// kilobyte.  Columns and rows that pad the plane hold zeros.
#pragma once

#include <cstddef>
#include <vector>

#include "common/ceil_div.h"

namespace saliency_jpeg::metrics {

constexpr int kStripWidth = 16;

struct Shape {
  int height = 0;
  int width = 0;

  int strips() const { return ceil_div(width, kStripWidth); }
  int padded_height() const { return ceil_div(height, kStripWidth) * kStripWidth; }
  int padded_width() const { return strips() * kStripWidth; }
  size_t strip_size() const { return static_cast<size_t>(padded_height()) * kStripWidth; }
  size_t plane_size() const { return strip_size() * static_cast<size_t>(strips()); }
  double pixels() const { return static_cast<double>(height) * width; }
  bool operator==(const Shape& other) const { return height == other.height && width == other.width; }
};

struct StripPlane {
  Shape shape;
  std::vector<float> values;

  StripPlane() = default;
  explicit StripPlane(const Shape& s) : shape(s), values(s.plane_size(), 0.0f) {}

  // Changes the shape.  The values are unspecified afterwards.
  void reshape(const Shape& s) {
    shape = s;
    values.resize(s.plane_size());
  }
  float* strip(int index) { return values.data() + shape.strip_size() * static_cast<size_t>(index); }
  const float* strip(int index) const { return values.data() + shape.strip_size() * static_cast<size_t>(index); }
};

}  // namespace saliency_jpeg::metrics
