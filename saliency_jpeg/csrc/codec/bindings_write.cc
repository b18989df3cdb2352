// Bindings of what takes all levels of a file: the writer and the digest.
#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "codec/bindings.h"
#include "codec/jpeg_writer.h"
#include "codec/levels_digest.h"

namespace saliency_jpeg::codec {
namespace {

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
  m.def("write_jpeg", &py_write_jpeg, py::arg("levels").noconvert(), py::arg("tables").noconvert(), py::arg("size"),
        py::arg("sampling"), py::kw_only(), py::arg("progressive") = true, py::arg("scans") = py::none(),
        py::arg("restart_interval") = 0, py::arg("segments") = py::tuple(), py::arg("component_tables") = py::none(),
        py::arg("component_ids") = py::none(), py::arg("choice_blocks") = 0, py::arg("threads") = 1);
  m.def("levels_digest", &py_levels_digest, py::arg("levels").noconvert(), py::arg("tables").noconvert(),
        py::arg("size"), py::arg("sampling"), py::arg("component_tables") = py::none());
}

}  // namespace saliency_jpeg::codec
