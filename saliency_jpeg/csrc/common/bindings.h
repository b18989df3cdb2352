// Helpers for the files named bindings*.cc, the only ones that include Python's headers.  NumPy arrays go in and out
// without a copy: an argument of another dtype or memory layout raises TypeError.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "common/image_view.h"
#include "common/require.h"

namespace saliency_jpeg {

namespace py = pybind11;

template <class T>
using Array = py::array_t<T, py::array::c_style>;
using ShapeVector = std::vector<py::ssize_t>;

constexpr py::ssize_t kAnyLength = -1;

inline std::string shape_text(const ShapeVector& shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += (i > 0 ? ", " : "") + (shape[i] == kAnyLength ? std::string("n") : std::to_string(shape[i]));
  }
  return text + (shape.size() == 1 ? ",)" : ")");
}

// Throws "NAME must have shape (n, 64), got (2, 63)" unless `array` has the shape.
inline void require_shape(const py::array& array, const ShapeVector& shape, const char* name) {
  const ShapeVector found(array.shape(), array.shape() + array.ndim());
  bool same = found.size() == shape.size();
  for (size_t i = 0; same && i < shape.size(); ++i) same = shape[i] == kAnyLength || shape[i] == found[i];
  if (same) return;
  throw std::invalid_argument(std::string(name) + " must have shape " + shape_text(shape) + ", got " +
                              shape_text(found));
}

template <class T>
const T* vector_of(const Array<T>& array, py::ssize_t length, const char* name) {
  require_shape(array, {length}, name);
  return array.data();
}

template <class T>
Array<T> new_array(const ShapeVector& shape) {
  return Array<T>(shape);
}

// Returns a view of pixels of shape (H, W, 3).
inline ImageView rgb_view(const Array<uint8_t>& image, const char* name) {
  require_shape(image, {kAnyLength, kAnyLength, 3}, name);
  return {image.data(), static_cast<int>(image.shape(0)), static_cast<int>(image.shape(1)), 3};
}

// Calls `work` without the GIL and returns its result.
template <class Work>
auto without_gil(Work work) {
  const py::gil_scoped_release release;
  return work();
}

}  // namespace saliency_jpeg
