// Bindings of the quantizers.
#include <optional>
#include <utility>
#include <vector>

#include "codec/bindings.h"
#include "codec/bindings_pixels.h"
#include "codec/constants.h"
#include "codec/quantize.h"
#include "codec/quantize_dc.h"

namespace saliency_jpeg::codec {
namespace {

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

void bind_quantize(py::module_& m) {
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
