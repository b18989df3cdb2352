// The module _raster.  _raster.pyi has the documentation of its functions.
#include "common/bindings.h"

#include "image/regions.h"
#include "image/resize.h"

namespace saliency_jpeg::image {
namespace {

using Bytes = Array<uint8_t>;
using Size = std::pair<int, int>;

constexpr int kLongestSide = 1 << 16;

// Returns a view of pixels of shape (H, W) or (H, W, 3).
ImageView image_view(const Bytes& image) {
  const bool is_gray = image.ndim() == 2;
  require_shape(image, is_gray ? ShapeVector{kAnyLength, kAnyLength} : ShapeVector{kAnyLength, kAnyLength, 3}, "image");
  for (int axis : {0, 1}) require_in(image.shape(axis), 1, kLongestSide, "a side of the image");
  return {image.data(), static_cast<int>(image.shape(0)), static_cast<int>(image.shape(1)), is_gray ? 1 : 3};
}

ImageView gray_view(const Bytes& image) {
  require_shape(image, {kAnyLength, kAnyLength}, "image");
  return image_view(image);
}

Bytes new_image(const ImageView& like, const Size& size) {
  require_in(size.first, 1, kLongestSide, "the height");
  require_in(size.second, 1, kLongestSide, "the width");
  return like.channels == 1 ? new_array<uint8_t>({size.first, size.second})
                            : new_array<uint8_t>({size.first, size.second, like.channels});
}

Bytes py_resize_area(const Bytes& image, const Size& size) {
  const ImageView view = image_view(image);
  require(size.first <= view.height && size.second <= view.width, "no side may grow where areas are averaged");
  Bytes result = new_image(view, size);
  uint8_t* out = result.mutable_data();
  without_gil([&] { resize_area(view, size.first, size.second, out); });
  return result;
}

Bytes py_resize_linear(const Bytes& image, const Size& size) {
  const ImageView view = image_view(image);
  Bytes result = new_image(view, size);
  uint8_t* out = result.mutable_data();
  without_gil([&] { resize_linear(view, size.first, size.second, out); });
  return result;
}

Bytes py_mean_of_four(const Bytes& image, int divisor, const Size& start) {
  const ImageView view = image_view(image);
  require(divisor == 2 || divisor == 4, "divisor must be 2 or 4");
  require_in(start.first, 0, view.height % divisor, "the first row");
  require_in(start.second, 0, view.width % divisor, "the first column");
  Bytes result = new_image(view, {view.height / divisor, view.width / divisor});
  uint8_t* out = result.mutable_data();
  without_gil([&] { mean_of_four(view, divisor, start.first, start.second, out); });
  return result;
}

Array<float> py_enlarge_exact(const Bytes& image, const Size& size, const Array<float>& table) {
  const ImageView view = gray_view(image);
  const float* values = vector_of(table, 256, "table");
  require_in(size.first, 1, kLongestSide, "the height");
  require_in(size.second, 1, kLongestSide, "the width");
  Array<float> result = new_array<float>({size.first, size.second});
  float* out = result.mutable_data();
  without_gil([&] { enlarge_exact(view, size.first, size.second, values, out); });
  return result;
}

std::pair<int, Array<int32_t>> py_label_parts(const Bytes& mask) {
  const ImageView view = gray_view(mask);
  Array<int32_t> labels = new_array<int32_t>({view.height, view.width});
  int32_t* out = labels.mutable_data();
  const int parts = without_gil([&] { return label_parts(view, out); });
  return {parts, labels};
}

Array<float> py_distance_to_zero(const Bytes& mask) {
  const ImageView view = gray_view(mask);
  Array<float> distances = new_array<float>({view.height, view.width});
  float* out = distances.mutable_data();
  without_gil([&] { distance_to_zero(view, out); });
  return distances;
}

void bind(py::module_& m) {
  m.doc() = "Resizing of pictures and maps, and regions of masks, with the same bits on every processor.";
  m.def("resize_area", &py_resize_area, py::arg("image").noconvert(), py::arg("size"));
  m.def("resize_linear", &py_resize_linear, py::arg("image").noconvert(), py::arg("size"));
  m.def("mean_of_four", &py_mean_of_four, py::arg("image").noconvert(), py::arg("divisor"), py::arg("start"));
  m.def("enlarge_exact", &py_enlarge_exact, py::arg("image").noconvert(), py::arg("size"),
        py::arg("table").noconvert());
  m.def("label_parts", &py_label_parts, py::arg("mask").noconvert());
  m.def("distance_to_zero", &py_distance_to_zero, py::arg("mask").noconvert());
}

}  // namespace
}  // namespace saliency_jpeg::image

PYBIND11_MODULE(_raster, m) { saliency_jpeg::image::bind(m); }
