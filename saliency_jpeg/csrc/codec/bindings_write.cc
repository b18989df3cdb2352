// The module _core, whose functions _core.pyi documents; and bindings of the functions that count and price symbols,
// and of those that take all levels of a file: the writer and the digest.
#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "codec/bindings.h"
#include "codec/constants.h"
#include "codec/huffman.h"
#include "codec/jpeg_writer.h"
#include "codec/levels_digest.h"
#include "codec/offsets.h"
#include "codec/row_sample.h"
#include "codec/statistics.h"
#include "codec/symbol_costs.h"

namespace saliency_jpeg::codec {
namespace {

// Counts and costs of symbols -----------------------------------------------------------------------------------------

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

// Levels to a file ----------------------------------------------------------------------------------------------------

using ScanTuple = std::tuple<std::vector<int>, int, int, int, int>;
using OptionalInts = std::optional<std::vector<int>>;

void set_tables(Frame& frame, const Array<uint16_t>& tables) {
  require_shape(tables, {kAnyLength, kBlockSize}, "tables");
  for (py::ssize_t t = 0; t < tables.shape(0); ++t) {
    frame.tables.emplace_back();
    std::copy_n(tables.data(t), kBlockSize, frame.tables.back().begin());
  }
}

// By default, components have the ids 1, 2, ... and the tables 0, 1, ...; the last table serves the rest.
void set_components(Frame& frame, const std::vector<Array<int16_t>>& levels,
                    const std::vector<std::pair<int, int>>& sampling, const OptionalInts& tables,
                    const OptionalInts& ids) {
  const size_t count = levels.size();
  require(sampling.size() == count && (!tables || tables->size() == count) && (!ids || ids->size() == count),
          "levels, sampling, component_tables and component_ids must have the same length");
  for (size_t c = 0; c < count; ++c) {
    const int id = ids ? (*ids)[c] : static_cast<int>(c) + 1;
    const int table = tables ? (*tables)[c] : static_cast<int>(std::min(c + 1, frame.tables.size())) - 1;
    frame.components.push_back({id, sampling[c].first, sampling[c].second, table, block_view(levels[c], "levels")});
  }
}

std::vector<Scan> make_scans(const std::optional<std::vector<ScanTuple>>& tuples) {
  if (!tuples) return {};
  require(!tuples->empty(), "scans must not be empty; pass None for the default");
  std::vector<Scan> scans;
  for (const auto& [components, ss, se, ah, al] : *tuples) scans.push_back({components, ss, se, ah, al});
  return scans;
}

py::bytes py_write_jpeg(const std::vector<Array<int16_t>>& levels, const Array<uint16_t>& tables,
                        std::pair<int, int> size, const std::vector<std::pair<int, int>>& sampling, bool progressive,
                        const std::optional<std::vector<ScanTuple>>& scans, int restart_interval,
                        const std::vector<std::pair<int, py::bytes>>& segments, const OptionalInts& component_tables,
                        const OptionalInts& component_ids, size_t choice_blocks, int threads) {
  Frame frame;
  frame.height = size.first;
  frame.width = size.second;
  frame.progressive = progressive;
  frame.restart_interval = restart_interval;
  set_tables(frame, tables);
  set_components(frame, levels, sampling, component_tables, component_ids);
  for (const auto& [marker, payload] : segments) frame.segments.push_back({marker, std::string(payload)});
  const std::vector<Scan> script = make_scans(scans);
  return py::bytes(without_gil([&] { return write_jpeg(frame, script, choice_blocks, checked_threads(threads)); }));
}

// The digest in the byte order of the text forms of XXH64, the highest first.
py::bytes py_levels_digest(const std::vector<Array<int16_t>>& levels, const Array<uint16_t>& tables,
                           std::pair<int, int> size, const std::vector<std::pair<int, int>>& sampling,
                           const OptionalInts& component_tables) {
  Frame frame;
  frame.height = size.first;
  frame.width = size.second;
  set_tables(frame, tables);
  require(!levels.empty() && !frame.tables.empty(), "levels and tables must not be empty");
  set_components(frame, levels, sampling, component_tables, {});
  const long last = static_cast<long>(frame.tables.size()) - 1;
  for (const Component& component : frame.components) require_in(component.table, 0, last, "component_tables");
  const uint64_t hash = without_gil([&] { return levels_digest(frame); });
  std::string digest;
  for (int shift = 56; shift >= 0; shift -= 8) digest += static_cast<char>(hash >> shift);
  return py::bytes(digest);
}

}  // namespace

void bind_write(py::module_& m) {
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
  m.def("write_jpeg", &py_write_jpeg, py::arg("levels").noconvert(), py::arg("tables").noconvert(), py::arg("size"),
        py::arg("sampling"), py::kw_only(), py::arg("progressive") = true, py::arg("scans") = py::none(),
        py::arg("restart_interval") = 0, py::arg("segments") = py::tuple(), py::arg("component_tables") = py::none(),
        py::arg("component_ids") = py::none(), py::arg("choice_blocks") = 0, py::arg("threads") = 1);
  m.def("levels_digest", &py_levels_digest, py::arg("levels").noconvert(), py::arg("tables").noconvert(),
        py::arg("size"), py::arg("sampling"), py::arg("component_tables") = py::none());
}

}  // namespace saliency_jpeg::codec

PYBIND11_MODULE(_core, m) {
  using namespace saliency_jpeg::codec;
  m.doc() = "The compiled codec: DCT, quantization, entropy coding (ITU-T T.81), and reading levels from a file.";
  m.attr("ZIGZAG") = pybind11::tuple(pybind11::cast(std::vector<int>(kZigzag.begin(), kZigzag.end())));
  bind_encode(m);
  bind_write(m);
  bind_decode(m);
}
