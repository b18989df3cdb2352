// Bindings of the functions that compute coefficients.
#include <vector>

#include "codec/bindings.h"
#include "codec/compensation.h"
#include "codec/overshoot.h"
#include "codec/transform.h"

namespace saliency_jpeg::codec {
namespace {

void check_sampling(int h, int v) {
  require_in(h, 1, kMaxSamplingFactor, "h");
  require_in(v, 1, kMaxSamplingFactor, "v");
}

void check_dimensions(const ImageView& image) {
  require_in(image.height, 1, kMaxDimension, "the height");
  require_in(image.width, 1, kMaxDimension, "the width");
}

ImageView gray_or_rgb_view(const Array<uint8_t>& image) {
  if (image.ndim() != 2) return rgb_view(image, "a color image");
  return {image.data(), static_cast<int>(image.shape(0)), static_cast<int>(image.shape(1)), 1};
}

std::vector<Array<float>> py_forward_dct(const Array<uint8_t>& image, int h, int v) {
  const ImageView view = gray_or_rgb_view(image);
  check_sampling(h, v);
  check_dimensions(view);
  if (view.channels == 1) h = v = 1;
  std::vector<Array<float>> arrays;
  std::vector<BlockView<float>> views;
  for (int c = 0; c < view.channels; ++c) {
    const int rows = blocks_along(view.height, c == 0 ? v : 1, v);
    const int cols = blocks_along(view.width, c == 0 ? h : 1, h);
    arrays.push_back(new_blocks<float>(rows, cols));
    views.push_back(mutable_block_view(arrays.back(), "coefficients"));
  }
  without_gil([&] { forward_dct(view, h, v, views.data()); });
  return arrays;
}

Array<float> py_compensated_luma(const Array<uint8_t>& image, const std::vector<Array<int16_t>>& levels,
                                 const Array<uint16_t>& tables, int h, int v, float strength) {
  const ImageView view = rgb_view(image, "image");
  check_sampling(h, v);
  check_dimensions(view);
  require_equal(static_cast<long>(levels.size()), 2, "the number of arrays in levels (those of Cb and Cr)");
  require_shape(tables, {2, kBlockSize}, "tables");
  const ShapeVector chroma_shape{blocks_along(view.height, 1, v), blocks_along(view.width, 1, h), kBlockSize};
  for (const Array<int16_t>& component : levels) require_shape(component, chroma_shape, "the levels of Cb and Cr");
  const CodedChroma chroma{
      {block_view(levels[0], "levels"), block_view(levels[1], "levels")}, {tables.data(0), tables.data(1)}, h, v};
  Array<float> luma = new_blocks<float>(blocks_along(view.height, v, v), blocks_along(view.width, h, h));
  const BlockView<float> out = mutable_block_view(luma, "luma");
  without_gil([&] { compensated_luma(view, chroma, strength, out); });
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

}  // namespace

void bind_transform(py::module_& m) {
  m.def("forward_dct", &py_forward_dct, py::arg("image").noconvert(), py::arg("h") = 1, py::arg("v") = 1);
  m.def("compensated_luma", &py_compensated_luma, py::arg("image").noconvert(), py::arg("levels").noconvert(),
        py::arg("tables").noconvert(), py::arg("h"), py::arg("v"), py::arg("strength"));
  m.def("clipped_blocks", &py_clipped_blocks, py::arg("coefficients").noconvert());
  m.def("overshoot", &py_overshoot, py::arg("coefficients").noconvert(), py::arg("table").noconvert(),
        py::arg("blocks").noconvert(), py::arg("out").noconvert());
}

}  // namespace saliency_jpeg::codec
