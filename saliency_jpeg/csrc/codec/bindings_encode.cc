// Bindings of the functions that make coefficients of pixels, and levels of coefficients.
#include <optional>
#include <utility>
#include <vector>

#include "codec/bindings.h"
#include "codec/chroma_boxes.h"
#include "codec/constants.h"
#include "codec/luma_rows.h"
#include "codec/overshoot.h"
#include "codec/quantize.h"
#include "codec/quantize_dc.h"
#include "codec/transform.h"
#include "common/image_view.h"

namespace saliency_jpeg::codec {
namespace {

// Pixels, and what quantized chroma lacks -----------------------------------------------------------------------------

// Checks an image, gray or RGB, and its sides.
ImageView pixels_view(const Array<uint8_t>& image) {
  const bool is_gray = image.ndim() == 2;
  const ImageView view =
      is_gray ? ImageView{image.data(), static_cast<int>(image.shape(0)), static_cast<int>(image.shape(1)), 1}
              : rgb_view(image, "a color image");
  require_in(view.height, 1, kMaxDimension, "the height");
  require_in(view.width, 1, kMaxDimension, "the width");
  return view;
}

void check_sampling(int h, int v) {
  require_in(h, 1, kMaxSamplingFactor, "h");
  require_in(v, 1, kMaxSamplingFactor, "v");
}

// The errors of quantized chroma, and how much of them the luma makes up for.
struct ChromaErrors {
  ChromaErrors(std::vector<Array<int16_t>> all_levels, Array<uint16_t> steps, int h, int v, float share)
      : levels(std::move(all_levels)), tables(std::move(steps)), strength(share) {
    check_sampling(h, v);
    require_equal(static_cast<long>(levels.size()), 2, "the number of arrays in levels (those of Cb and Cr)");
    require_shape(tables, {2, kBlockSize}, "tables");
    for (int c = 0; c < 2; ++c) {
      coded.levels[c] = block_view(levels[c], "levels");
      coded.tables[c] = tables.data(c);
    }
    coded.h = h;
    coded.v = v;
  }

  std::vector<Array<int16_t>> levels;
  Array<uint16_t> tables;
  CodedChroma coded;  // views of the arrays
  float strength;
};

// `chroma` may be null.
LumaSource luma_source(const Array<uint8_t>& image, const ChromaErrors* chroma) {
  const ImageView view = pixels_view(image);
  if (chroma == nullptr) return {view, nullptr, 0};
  require(view.channels == 3, "chroma does not go with a gray image");
  const ShapeVector shape{blocks_along(view.height, 1, chroma->coded.v), blocks_along(view.width, 1, chroma->coded.h),
                          kBlockSize};
  for (const Array<int16_t>& component : chroma->levels) require_shape(component, shape, "the levels of Cb and Cr");
  return {view, &chroma->coded, chroma->strength};
}

// Pixels to coefficients ----------------------------------------------------------------------------------------------

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

// Coefficients to levels ----------------------------------------------------------------------------------------------

using Samples = py::array_t<float, 0>;  // of any strides

Array<int16_t> py_quantize_plain(const Array<float>& coefficients, const Array<uint16_t>& table, int threads) {
  const CoefficientView view = block_view(coefficients, "coefficients");
  const uint16_t* steps = table_of(table);
  Array<int16_t> levels = new_blocks<int16_t>(view.rows, view.cols);
  const BlockView<int16_t> out = mutable_block_view(levels, "levels");
  without_gil([&] { quantize_plain(view, steps, checked_threads(threads), out); });
  return levels;
}

// Pairs each band with its row of `symbol_costs`.
std::vector<BandCosts> band_costs(const Array<float>& symbol_costs, const BandPairs& pairs) {
  require_shape(symbol_costs, {static_cast<py::ssize_t>(pairs.size()), kAcEntries}, "symbol_costs");
  std::vector<BandCosts> costs;
  for (Band band : division_of(pairs)) {
    costs.push_back({band, symbol_costs.data(static_cast<py::ssize_t>(costs.size()))});
  }
  return costs;
}

Array<int16_t> py_quantize(const Array<float>& coefficients, const Array<uint16_t>& table,
                           const Array<float>& block_lambda, const Array<float>& symbol_costs,
                           const Array<float>& sensitivity, const BandPairs& bands, int threads) {
  const CoefficientView view = block_view(coefficients, "coefficients");
  require_shape(block_lambda, {view.rows, view.cols}, "block_lambda");
  const QuantizeParameters parameters{table_of(table), band_costs(symbol_costs, bands),
                                      vector_of(sensitivity, kBlockSize, "sensitivity")};
  Array<int16_t> levels = new_blocks<int16_t>(view.rows, view.cols);
  const BlockView<int16_t> out = mutable_block_view(levels, "levels");
  const float* lambda = block_lambda.data();
  without_gil([&] { quantize_trellis(view, parameters, lambda, checked_threads(threads), out); });
  return levels;
}

py::tuple py_quantize_luma(const Array<uint8_t>& image, const Array<uint16_t>& table, const Array<float>& block_lambda,
                           const Array<float>& symbol_costs, const Array<float>& sensitivity, const BandPairs& bands,
                           const ChromaErrors* chroma, bool overshoots, const std::optional<Array<float>>& offsets,
                           int threads) {
  const LumaSource source = luma_source(image, chroma);
  const int rows = source.rows(), cols = source.cols();
  require_shape(block_lambda, {rows, cols}, "block_lambda");
  const QuantizeParameters parameters{table_of(table), band_costs(symbol_costs, bands),
                                      vector_of(sensitivity, kBlockSize, "sensitivity")};
  Array<int16_t> levels = new_blocks<int16_t>(rows, cols);
  Array<float> dc = new_array<float>({rows, cols});
  if (offsets) require_shape(*offsets, {rows, cols, kBlockSize}, "offsets");
  const float* const added = offsets ? offsets->data() : nullptr;
  const BlockView<int16_t> out = mutable_block_view(levels, "levels");
  const float* lambda = block_lambda.data();
  float* dc_out = dc.mutable_data();
  without_gil(
      [&] { quantize_luma(source, parameters, lambda, overshoots, added, checked_threads(threads), out, dc_out); });
  return py::make_tuple(levels, dc);
}

// The step from block to block, the same across and from row to row.
size_t dc_stride(const Samples& coefficients) {
  const py::ssize_t cols = coefficients.shape(1), rows = coefficients.shape(0);
  const py::ssize_t stride = cols > 1 ? coefficients.strides(1) : rows > 1 ? coefficients.strides(0) : sizeof(float);
  require(stride > 0 && stride % sizeof(float) == 0, "coefficients must follow one another in memory");
  require(rows <= 1 || coefficients.strides(0) == stride * cols, "the rows of coefficients must follow one another");
  return static_cast<size_t>(stride) / sizeof(float);
}

void py_quantize_dc(const Samples& coefficients, int step, float sensitivity, const Array<float>& block_lambda,
                    const Array<float>& symbol_costs, Array<int16_t>& levels) {
  require_shape(levels, {kAnyLength, kAnyLength, kBlockSize}, "levels");
  const ShapeVector shape{levels.shape(0), levels.shape(1)};
  require_shape(coefficients, shape, "coefficients");
  require_shape(block_lambda, shape, "block_lambda");
  const size_t stride = dc_stride(coefficients);
  require_in(step, 1, kMaxStep, "step");
  const DcParameters parameters{static_cast<uint16_t>(step), sensitivity,
                                vector_of(symbol_costs, kDcEntries, "symbol_costs")};
  const BlockView<int16_t> out = mutable_block_view(levels, "levels");
  const float* lambda = block_lambda.data();
  const float* dc = coefficients.data();
  without_gil([&] { quantize_dc(dc, stride, parameters, lambda, out); });
}

}  // namespace

void bind_encode(py::module_& m) {
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
  m.def("quantize_plain", &py_quantize_plain, py::arg("coefficients").noconvert(), py::arg("table").noconvert(),
        py::arg("threads") = 1);
  m.def("quantize", &py_quantize, py::arg("coefficients").noconvert(), py::arg("table").noconvert(),
        py::arg("block_lambda").noconvert(), py::arg("symbol_costs").noconvert(), py::arg("sensitivity").noconvert(),
        py::arg("bands") = BandPairs{{1, kLastCoefficient}}, py::arg("threads") = 1);
  m.def("quantize_luma", &py_quantize_luma, py::arg("image").noconvert(), py::arg("table").noconvert(),
        py::arg("block_lambda").noconvert(), py::arg("symbol_costs").noconvert(), py::arg("sensitivity").noconvert(),
        py::arg("bands"), py::arg("chroma"), py::arg("overshoots"), py::arg("offsets").noconvert() = py::none(),
        py::arg("threads") = 1);
  m.def("quantize_dc", &py_quantize_dc, py::arg("coefficients").noconvert(), py::arg("step"), py::arg("sensitivity"),
        py::arg("block_lambda").noconvert(), py::arg("symbol_costs").noconvert(), py::arg("levels").noconvert());
}

}  // namespace saliency_jpeg::codec
