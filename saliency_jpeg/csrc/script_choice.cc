#include "script_choice.h"

#include <array>
#include <map>
#include <tuple>

#include "bands.h"

namespace jpegcore {
namespace {

using Division = std::vector<Scan>;  // of the AC coefficients of one component; `components` is filled in later

// Spectral selection suits low rates, successive approximation high ones.
std::vector<Division> all_divisions() {
  std::vector<Division> divisions{
      {{{}, 1, 5, 0, 0}, {{}, 6, 63, 0, 1}, {{}, 6, 63, 1, 0}},
      {{{}, 1, 2, 0, 0}, {{}, 3, 63, 0, 2}, {{}, 3, 63, 2, 1}, {{}, 3, 63, 1, 0}},
  };
  for (const std::vector<Band>& bands : spectral_divisions()) {
    divisions.emplace_back();
    for (Band band : bands) divisions.back().push_back({{}, band.ss, band.se, 0, 0});
  }
  return divisions;
}

const std::vector<Division>& divisions() {
  static const std::vector<Division> kDivisions = all_divisions();
  return kDivisions;
}

// AC scans of one component, each counted once.
class AcScans {
 public:
  AcScans(const Frame& frame, const std::vector<Masks>& masks, int component)
      : frame_(frame), masks_(masks), component_(component) {
    for (const Division& division : divisions()) {
      const uint64_t bits = bits_of(division);
      if (best_ == nullptr || bits < lowest_) {
        best_ = &division;
        lowest_ = bits;
      }
    }
  }

  size_t size() const { return best_->size(); }

  // Adds the i-th scan of the best division.
  void add(size_t i, Script& script) {
    Scan scan = (*best_)[i];
    scan.components = {component_};
    script.add(scan, counted(scan).counts);
  }

 private:
  struct Counted {
    ScanCounts counts;
    uint64_t bits = 0;
  };

  uint64_t bits_of(const Division& division) {
    uint64_t bits = 0;
    for (const Scan& scan : division) bits += counted(scan).bits;
    return bits;
  }

  const Counted& counted(Scan scan) {
    const auto key = std::make_tuple(scan.ss, scan.se, scan.ah, scan.al);
    const auto [entry, is_new] = known_.try_emplace(key);
    if (!is_new) return entry->second;
    scan.components = {component_};
    entry->second.counts = count_symbols(frame_, masks_, scan);
    const CountSink& sink = entry->second.counts.ac_sink[table_slot(component_)];
    entry->second.bits = coded_bits(sink.histogram) + sink.raw_bits + scan_header_bits(1);
    return entry->second;
  }

  const Frame& frame_;
  const std::vector<Masks>& masks_;
  int component_;
  std::map<std::tuple<int, int, int, int>, Counted> known_;
  const Division* best_ = nullptr;
  uint64_t lowest_ = 0;
};

uint64_t dc_bits(const Script& script) {
  uint64_t bits = 0;
  for (const ScanCounts& counts : script.counts) {
    for (const CountSink& sink : counts.dc_sink) bits += coded_bits(sink.histogram) + sink.raw_bits;
  }
  for (const Scan& scan : script.scans) bits += scan_header_bits(scan.components.size());
  return bits;
}

// All components interleaved, or one after the other: blocks are nearer to their predecessors then.
Script best_dc_script(const Frame& frame, const std::vector<Masks>& masks) {
  Script together;
  Script apart;
  for (const Scan& scan : dc_script(frame)) together.add(scan, count_symbols(frame, masks, scan));
  for (int c = 0; c < static_cast<int>(frame.components.size()); ++c) {
    const Scan scan{{c}, 0, 0, 0, 0};
    apart.add(scan, count_symbols(frame, masks, scan));
  }
  return dc_bits(apart) < dc_bits(together) ? apart : together;
}

}  // namespace

Script choose_script(const Frame& frame, const std::vector<Masks>& masks) {
  Script script = best_dc_script(frame, masks);
  std::vector<AcScans> components;
  for (int c = 0; c < static_cast<int>(frame.components.size()); ++c) components.emplace_back(frame, masks, c);
  for (size_t step = 0; step < 4; ++step) {  // all first scans, then all second ones: the picture sharpens evenly
    for (AcScans& scans : components) {
      if (step < scans.size()) scans.add(step, script);
    }
  }
  return script;
}

}  // namespace jpegcore
