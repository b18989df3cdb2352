#include "codec/script_choice.h"

#include <array>
#include <map>
#include <tuple>

#include "codec/bands.h"
#include "codec/row_sample.h"

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

// Counts of the AC scans of one component, each scan counted once.
class AcCounts {
 public:
  AcCounts(const Frame& frame, const std::vector<Masks>& masks, int component)
      : frame_(frame), masks_(masks), component_(component) {}

  struct Counted {
    ScanCounts counts;
    uint64_t bits = 0;
  };

  const Counted& of(Scan scan) {
    const auto key = std::make_tuple(scan.ss, scan.se, scan.ah, scan.al);
    const auto [entry, is_new] = known_.try_emplace(key);
    if (!is_new) return entry->second;
    scan.components = {component_};
    entry->second.counts = count_symbols(frame_, masks_, scan);
    const CountSink& sink = entry->second.counts.ac_sink[table_slot(component_)];
    entry->second.bits = coded_bits(sink.histogram) + sink.raw_bits + scan_header_bits(1);
    return entry->second;
  }

  const Division& best_division() {
    const Division* best = nullptr;
    uint64_t lowest = 0;
    for (const Division& division : divisions()) {
      uint64_t bits = 0;
      for (const Scan& scan : division) bits += of(scan).bits;
      if (best == nullptr || bits < lowest) {
        best = &division;
        lowest = bits;
      }
    }
    return *best;
  }

 private:
  const Frame& frame_;
  const std::vector<Masks>& masks_;
  int component_;
  std::map<std::tuple<int, int, int, int>, Counted> known_;
};

const Division& sampled_division(const Frame& frame, int component, const RowSample& sample) {
  Frame part = frame;
  part.components[component].levels = sample.view();
  std::vector<Masks> masks(frame.components.size());
  masks[component] = nonzero_masks(sample.view());
  return AcCounts(part, masks, component).best_division();
}

// AC scans of one component in the division that suits it best.
class AcScans {
 public:
  AcScans(const Frame& frame, const std::vector<Masks>& masks, int component, size_t choice_blocks)
      : counts_(frame, masks, component), component_(component) {
    const RowSample sample(frame.components[component].levels, choice_blocks);
    division_ = sample.is_all() ? &counts_.best_division() : &sampled_division(frame, component, sample);
  }

  size_t size() const { return division_->size(); }

  // Adds the i-th scan.
  void add(size_t i, Script& script) {
    Scan scan = (*division_)[i];
    scan.components = {component_};
    script.add(scan, counts_.of(scan).counts);
  }

 private:
  AcCounts counts_;
  int component_;
  const Division* division_;
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

Script choose_script(const Frame& frame, const std::vector<Masks>& masks, size_t choice_blocks) {
  Script script = best_dc_script(frame, masks);
  std::vector<AcScans> components;
  for (int c = 0; c < static_cast<int>(frame.components.size()); ++c) {
    components.emplace_back(frame, masks, c, choice_blocks);
  }
  for (size_t step = 0; step < 4; ++step) {  // all first scans, then all second ones: the picture sharpens evenly
    for (AcScans& scans : components) {
      if (step < scans.size()) scans.add(step, script);
    }
  }
  return script;
}

}  // namespace jpegcore
