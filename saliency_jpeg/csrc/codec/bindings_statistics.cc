// Bindings of the functions that count and price symbols, and count offsets.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "codec/bindings.h"
#include "codec/huffman.h"
#include "codec/offsets.h"
#include "codec/row_sample.h"
#include "codec/statistics.h"
#include "codec/symbol_costs.h"

namespace saliency_jpeg::codec {
namespace {

Array<uint32_t> py_ac_histogram(const Array<int16_t>& levels, bool eob_runs, int ss, int se) {
  const LevelView view = block_view(levels, "levels");
  require_in(ss, 1, kLastCoefficient, "the first coefficient of a band, ss,");
  require_in(se, ss, kLastCoefficient, "the last coefficient of a band, se,");
  const AcHistogram histogram = without_gil([&] { return ac_histogram(view, eob_runs, {ss, se}); });
  return Array<uint32_t>(static_cast<py::ssize_t>(histogram.size()), histogram.data());
}

py::tuple costs_tuple(const ComponentCosts& costs) {
  BandPairs bands;
  for (Band band : costs.bands) bands.emplace_back(band.ss, band.se);
  Array<float> ac = new_array<float>({static_cast<py::ssize_t>(bands.size()), kAcEntries});
  float* out = ac.mutable_data();
  for (const AcCosts& band : costs.ac) out = std::copy(band.begin(), band.end(), out);
  return py::make_tuple(bands, ac, Array<float>(kDcEntries, costs.dc.data()));
}

py::tuple py_learn_costs(const std::vector<Array<int16_t>>& levels, bool progressive, size_t choice_blocks,
                         const std::optional<std::vector<BandPairs>>& bands, float unseen_bits, int threads) {
  require(!levels.empty(), "levels must not be empty");
  std::vector<LevelView> views;
  for (const Array<int16_t>& component : levels) views.push_back(block_view(component, "levels"));
  std::vector<Division> divisions;
  LearnParameters parameters{progressive, row_step(views[0], choice_blocks), nullptr, unseen_bits};
  if (bands) {
    require_equal(static_cast<long>(bands->size()), static_cast<long>(levels.size()), "the number of bands");
    for (const BandPairs& pairs : *bands) divisions.push_back(division_of(pairs));
    parameters.bands = &divisions;
  }
  const LearnedCosts costs = without_gil([&] { return learn_costs(views, parameters, checked_threads(threads)); });
  std::vector<py::tuple> components;
  for (const ComponentCosts& each : costs.components) components.push_back(costs_tuple(each));
  return py::make_tuple(components, costs.total_bits, costs.header_bits);
}

Array<float> py_symbol_costs(const Array<uint32_t>& histogram, float unseen_bits) {
  AcHistogram counts;
  std::copy_n(vector_of(histogram, kAcEntries, "histogram"), kAcEntries, counts.begin());
  const AcCosts costs = ac_costs(counts, unseen_bits);
  return Array<float>(kAcEntries, costs.data());
}

Array<float> py_block_bits(const Array<int16_t>& levels, const Array<float>& symbol_costs) {
  const LevelView view = block_view(levels, "levels");
  const float* costs = vector_of(symbol_costs, kAcEntries, "symbol_costs");
  Array<float> bits = new_array<float>({view.rows, view.cols});
  float* out = bits.mutable_data();
  without_gil([&] { block_bits(view, costs, out); });
  return bits;
}

Array<uint8_t> py_code_lengths(const Array<uint32_t>& histogram) {
  Histogram counts;
  std::copy_n(vector_of(histogram, kMaxSymbols, "histogram"), kMaxSymbols, counts.begin());
  const CodeLengths lengths = optimal_code_lengths(counts);
  return Array<uint8_t>(kMaxSymbols, lengths.data());
}

Array<uint64_t> py_offset_histograms(const Array<float>& coefficients, const Array<int16_t>& levels,
                                     const Array<uint16_t>& table) {
  const CoefficientView view = block_view(coefficients, "coefficients");
  require_shape(levels, {view.rows, view.cols, kBlockSize}, "levels");
  const LevelView quantized = block_view(levels, "levels");
  const uint16_t* steps = table_of(table);
  const OffsetHistograms counts = without_gil([&] { return offset_histograms(view, quantized, steps); });
  Array<uint64_t> rows = new_array<uint64_t>({4, kOffsetBins});
  uint64_t* out = rows.mutable_data();
  for (const auto* bins : {&counts.zero, &counts.below, &counts.above, &counts.dc}) {
    out = std::copy(bins->begin(), bins->end(), out);
  }
  return rows;
}

}  // namespace

void bind_statistics(py::module_& m) {
  m.def("ac_histogram", &py_ac_histogram, py::arg("levels").noconvert(), py::arg("eob_runs") = false, py::arg("ss") = 1,
        py::arg("se") = kLastCoefficient);
  m.def("learn_costs", &py_learn_costs, py::arg("levels").noconvert(), py::arg("progressive"),
        py::arg("choice_blocks") = 0, py::arg("bands") = py::none(), py::arg("unseen_bits") = 0.0f,
        py::arg("threads") = 1);
  m.def("symbol_costs", &py_symbol_costs, py::arg("histogram").noconvert(), py::arg("unseen_bits") = 0.0f);
  m.def("block_bits", &py_block_bits, py::arg("levels").noconvert(), py::arg("symbol_costs").noconvert());
  m.def("code_lengths", &py_code_lengths, py::arg("histogram").noconvert());
  m.def("offset_histograms", &py_offset_histograms, py::arg("coefficients").noconvert(), py::arg("levels").noconvert(),
        py::arg("table").noconvert());
}

}  // namespace saliency_jpeg::codec
