// Bindings of the functions that compute coefficients.
#include <vector>

#include "codec/bindings.h"
#include "codec/bindings_pixels.h"
#include "codec/chroma_boxes.h"
#include "codec/overshoot.h"
#include "codec/transform.h"

namespace saliency_jpeg::codec {
namespace {

// New arrays for the components from `first` on.
std::vector<Array<float>> new_components(const ImageView& image, int h, int v, int first) {
  std::vector<Array<float>> arrays;
  for (int c = first; c < image.channels; ++c) {
    const int rows = blocks_along(image.height, c == 0 ? v : 1, v);
    const int cols = blocks_along(image.width, c == 0 ? h : 1, h);
    arrays.push_back(new_blocks<float>(rows, cols));
  }
  return arrays;
}

std::vector<BlockView<float>> mutable_views(std::vector<Array<float>>& arrays) {
  std::vector<BlockView<float>> views;
  for (Array<float>& array : arrays) views.push_back(mutable_block_view(array, "coefficients"));
  return views;
}

std::vector<Array<float>> py_forward_dct(const Array<uint8_t>& image, int h, int v, int threads) {
  const ImageView view = pixels_view(image);
  check_sampling(h, v);
  if (view.channels == 1) h = v = 1;
  std::vector<Array<float>> arrays = new_components(view, h, v, 0);
  const std::vector<BlockView<float>> views = mutable_views(arrays);
  without_gil([&] { forward_dct(view, h, v, checked_threads(threads), views.data()); });
  return arrays;
}

py::tuple py_analyze(const Array<uint8_t>& image, int h, int v, int threads) {
  const ImageView view = pixels_view(image);
  check_sampling(h, v);
  if (view.channels == 1) h = v = 1;
  std::vector<Array<float>> chroma = new_components(view, h, v, 1);
  const std::vector<BlockView<float>> views = mutable_views(chroma);
  const ShapeVector shape{ceil_div(view.height, 8), ceil_div(view.width, 8)};
  Array<float> dc = new_array<float>(shape);
  Array<double> activity = new_array<double>(shape);
  const LumaStatistics statistics{dc.mutable_data(), activity.mutable_data()};
  without_gil([&] { analyze(view, h, v, checked_threads(threads), statistics, views.data()); });
  return py::make_tuple(dc, activity, chroma);
}

Array<float> py_luma_blocks(const Array<uint8_t>& image, int every, const ChromaErrors* chroma, int threads) {
  const LumaSource source = luma_source(image, chroma);
  require_in(every, 1, kMaxDimension, "every");
  Array<float> luma = new_blocks<float>(ceil_div(source.rows(), every), source.cols());
  const BlockView<float> out = mutable_block_view(luma, "luma");
  without_gil([&] { luma_blocks(source, every, checked_threads(threads), out); });
  return luma;
}

Array<uint32_t> py_clipped_blocks(const Array<float>& coefficients) {
  const CoefficientView view = block_view(coefficients, "coefficients");
  const std::vector<uint32_t> indices = without_gil([&] { return clipped_blocks(view); });
  return Array<uint32_t>(static_cast<py::ssize_t>(indices.size()), indices.data());
}

void py_overshoot(const Array<float>& coefficients, const Array<uint16_t>& table, const Array<uint32_t>& blocks,
                  Array<float>& out) {
  const CoefficientView view = block_view(coefficients, "coefficients");
  const uint16_t* steps = table_of(table);
  require_shape(blocks, {kAnyLength}, "blocks");
  const std::vector<uint32_t> indices(blocks.data(), blocks.data() + blocks.size());
  for (uint32_t i : indices) require_in(i, 0, static_cast<long>(view.count()) - 1, "an index in blocks");
  require_shape(out, {view.rows, view.cols, kBlockSize}, "out");
  const BlockView<float> to = mutable_block_view(out, "out");
  without_gil([&] { overshoot(view, steps, indices, to); });
}

Array<uint64_t> py_chroma_boxes(const Array<uint8_t>& image, int first_limit, int second_limit, int threads) {
  const ImageView view = rgb_view(image, "image");
  require_in(view.height, 2, kMaxDimension, "the height");
  require_in(view.width, 2, kMaxDimension, "the width");
  require_in(first_limit, 0, 510, "first_limit");
  require_in(second_limit, 0, 510, "second_limit");
  const auto counts =
      without_gil([&] { return count_chroma_boxes(view, first_limit, second_limit, checked_threads(threads)); });
  Array<uint64_t> rows = new_array<uint64_t>({2, 3});
  uint64_t* out = rows.mutable_data();
  for (const BoxCounts& each : counts) {
    for (uint64_t count : {each.above_first, each.above_second, each.zero}) *out++ = count;
  }
  return rows;
}

}  // namespace

void bind_transform(py::module_& m) {
  py::class_<ChromaErrors>(m, "ChromaErrors")
      .def(py::init<std::vector<Array<int16_t>>, Array<uint16_t>, int, int, float>(), py::arg("levels").noconvert(),
           py::arg("tables").noconvert(), py::arg("h"), py::arg("v"), py::arg("strength"));
  m.def("forward_dct", &py_forward_dct, py::arg("image").noconvert(), py::arg("h") = 1, py::arg("v") = 1,
        py::arg("threads") = 1);
  m.def("analyze", &py_analyze, py::arg("image").noconvert(), py::arg("h") = 1, py::arg("v") = 1,
        py::arg("threads") = 1);
  m.def("luma_blocks", &py_luma_blocks, py::arg("image").noconvert(), py::arg("every") = 1,
        py::arg("chroma") = py::none(), py::arg("threads") = 1);
  m.def("chroma_boxes", &py_chroma_boxes, py::arg("image").noconvert(), py::arg("first_limit"), py::arg("second_limit"),
        py::arg("threads") = 1);
  m.def("clipped_blocks", &py_clipped_blocks, py::arg("coefficients").noconvert());
  m.def("overshoot", &py_overshoot, py::arg("coefficients").noconvert(), py::arg("table").noconvert(),
        py::arg("blocks").noconvert(), py::arg("out").noconvert());
}

}  // namespace saliency_jpeg::codec
