// Bindings of the quantizers.
#include <utility>
#include <vector>

#include "codec/bindings.h"
#include "codec/constants.h"
#include "codec/quantize.h"
#include "codec/quantize_dc.h"

namespace saliency_jpeg::codec {
namespace {

using BandPairs = std::vector<std::pair<int, int>>;

Array<int16_t> py_quantize_plain(const Array<float>& coefficients, const Array<uint16_t>& table) {
  const CoefficientView view = block_view(coefficients, "coefficients");
  const QuantizeParameters parameters{table_of(table), {}, nullptr};
  Array<int16_t> levels = new_blocks<int16_t>(view.rows, view.cols);
  const BlockView<int16_t> out = mutable_block_view(levels, "levels");
  without_gil([&] { quantize_plain(view, parameters, nullptr, out); });
  return levels;
}

// Pairs each band with its row of `symbol_costs`.
std::vector<BandCosts> band_costs(const Array<float>& symbol_costs, const BandPairs& bands) {
  require_shape(symbol_costs, {static_cast<py::ssize_t>(bands.size()), kAcEntries}, "symbol_costs");
  std::vector<BandCosts> costs;
  int next = 1;
  for (const auto& [ss, se] : bands) {
    require(ss == next && in_range(se, ss, kLastCoefficient), "bands must follow each other from 1 to 63");
    costs.push_back({{ss, se}, symbol_costs.data(static_cast<py::ssize_t>(costs.size()))});
    next = se + 1;
  }
  require(next == kBlockSize, "bands must follow each other from 1 to 63");
  return costs;
}

Array<int16_t> py_quantize(const Array<float>& coefficients, const Array<uint16_t>& table,
                           const Array<float>& block_lambda, const Array<float>& symbol_costs,
                           const Array<float>& sensitivity, const BandPairs& bands) {
  const CoefficientView view = block_view(coefficients, "coefficients");
  require_shape(block_lambda, {view.rows, view.cols}, "block_lambda");
  const QuantizeParameters parameters{table_of(table), band_costs(symbol_costs, bands),
                                      vector_of(sensitivity, kBlockSize, "sensitivity")};
  Array<int16_t> levels = new_blocks<int16_t>(view.rows, view.cols);
  const BlockView<int16_t> out = mutable_block_view(levels, "levels");
  const float* lambda = block_lambda.data();
  without_gil([&] { quantize_trellis(view, parameters, lambda, out); });
  return levels;
}

void py_quantize_dc(const Array<float>& coefficients, int step, float sensitivity, const Array<float>& block_lambda,
                    const Array<float>& symbol_costs, Array<int16_t>& levels) {
  const CoefficientView view = block_view(coefficients, "coefficients");
  require_shape(levels, {view.rows, view.cols, kBlockSize}, "levels");
  require_shape(block_lambda, {view.rows, view.cols}, "block_lambda");
  require_in(step, 1, kMaxStep, "step");
  const DcParameters parameters{static_cast<uint16_t>(step), sensitivity,
                                vector_of(symbol_costs, kDcEntries, "symbol_costs")};
  const BlockView<int16_t> out = mutable_block_view(levels, "levels");
  const float* lambda = block_lambda.data();
  without_gil([&] { quantize_dc(view, parameters, lambda, out); });
}

}  // namespace

void bind_quantize(py::module_& m) {
  m.def("quantize_plain", &py_quantize_plain, py::arg("coefficients").noconvert(), py::arg("table").noconvert());
  m.def("quantize", &py_quantize, py::arg("coefficients").noconvert(), py::arg("table").noconvert(),
        py::arg("block_lambda").noconvert(), py::arg("symbol_costs").noconvert(), py::arg("sensitivity").noconvert(),
        py::arg("bands") = BandPairs{{1, kLastCoefficient}});
  m.def("quantize_dc", &py_quantize_dc, py::arg("coefficients").noconvert(), py::arg("step"), py::arg("sensitivity"),
        py::arg("block_lambda").noconvert(), py::arg("symbol_costs").noconvert(), py::arg("levels").noconvert());
}

}  // namespace saliency_jpeg::codec
