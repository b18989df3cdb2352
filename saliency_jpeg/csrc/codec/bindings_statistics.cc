// Bindings of the functions that count and price symbols, and count offsets.
#include <algorithm>
#include <utility>
#include <vector>

#include "codec/bindings.h"
#include "codec/huffman.h"
#include "codec/offsets.h"
#include "codec/row_sample.h"
#include "codec/statistics.h"
#include "common/parallel.h"

namespace saliency_jpeg::codec {
namespace {

Array<uint32_t> py_ac_histogram(const Array<int16_t>& levels, bool eob_runs, int ss, int se) {
  const LevelView view = block_view(levels, "levels");
  require_in(ss, 1, kLastCoefficient, "the first coefficient of a band, ss,");
  require_in(se, ss, kLastCoefficient, "the last coefficient of a band, se,");
  const AcHistogram histogram = without_gil([&] { return ac_histogram(view, eob_runs, {ss, se}); });
  return Array<uint32_t>(static_cast<py::ssize_t>(histogram.size()), histogram.data());
}

py::tuple statistics_tuple(const BandStatistics& best) {
  std::vector<std::pair<int, int>> bands;
  for (Band band : best.bands) bands.emplace_back(band.ss, band.se);
  Array<uint32_t> histograms = new_array<uint32_t>({static_cast<py::ssize_t>(bands.size()), kAcEntries});
  for (size_t i = 0; i < bands.size(); ++i) {
    std::copy(best.histograms[i].begin(), best.histograms[i].end(),
              histograms.mutable_data(static_cast<py::ssize_t>(i)));
  }
  return py::make_tuple(bands, histograms);
}

std::vector<py::tuple> py_best_bands(const std::vector<Array<int16_t>>& levels, size_t choice_blocks, int threads) {
  std::vector<LevelView> views;
  for (const Array<int16_t>& component : levels) views.push_back(block_view(component, "levels"));
  std::vector<BandStatistics> best(views.size());
  const size_t step = views.empty() ? 1 : row_step(views[0], choice_blocks);
  without_gil([&] {
    parallel_for(static_cast<int>(views.size()), 1, checked_threads(threads),
                 [&](int c, int) { best[c] = best_bands(views[c], step); });
  });
  std::vector<py::tuple> tuples;
  for (const BandStatistics& each : best) tuples.push_back(statistics_tuple(each));
  return tuples;
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
  m.def("best_bands", &py_best_bands, py::arg("levels").noconvert(), py::arg("choice_blocks") = 0,
        py::arg("threads") = 1);
  m.def("block_bits", &py_block_bits, py::arg("levels").noconvert(), py::arg("symbol_costs").noconvert());
  m.def("code_lengths", &py_code_lengths, py::arg("histogram").noconvert());
  m.def("offset_histograms", &py_offset_histograms, py::arg("coefficients").noconvert(), py::arg("levels").noconvert(),
        py::arg("table").noconvert());
}

}  // namespace saliency_jpeg::codec
