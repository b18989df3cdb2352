#include "codec/script_choice.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "codec/bands.h"
#include "codec/row_sample.h"

namespace saliency_jpeg::codec {
namespace {

using AcScript = std::vector<Scan>;  // the AC scans of one component; Scan::components is set later

// Successive approximation is best at high quality, spectral selection alone at low quality.
std::vector<AcScript> make_ac_scripts() {
  std::vector<AcScript> scripts{
      {{{}, 1, 5, 0, 0}, {{}, 6, 63, 0, 1}, {{}, 6, 63, 1, 0}},
      {{{}, 1, 2, 0, 0}, {{}, 3, 63, 0, 2}, {{}, 3, 63, 2, 1}, {{}, 3, 63, 1, 0}},
  };
  for (const Division& division : spectral_divisions()) {
    scripts.emplace_back();
    for (Band band : division) scripts.back().push_back({{}, band.ss, band.se, 0, 0});
  }
  return scripts;
}

const std::vector<AcScript>& ac_scripts() {
  static const std::vector<AcScript> kScripts = make_ac_scripts();
  return kScripts;
}

// Symbol counts of the AC scans of one component.  Counts each scan once.
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
    const auto [entry, is_new] = counted_.try_emplace(key);
    if (!is_new) return entry->second;
    scan.components = {component_};
    entry->second.counts = count_symbols(frame_, masks_, scan);
    const CountSink& sink = entry->second.counts.ac_sink[code_slot(component_)];
    entry->second.bits = coded_bits(sink.histogram) + sink.raw_bits + scan_header_bits(1);
    return entry->second;
  }

  const AcScript& best_script() {
    const AcScript* best = nullptr;
    uint64_t lowest = 0;
    for (const AcScript& script : ac_scripts()) {
      uint64_t bits = 0;
      for (const Scan& scan : script) bits += of(scan).bits;
      if (best == nullptr || bits < lowest) {
        best = &script;
        lowest = bits;
      }
    }
    return *best;
  }

 private:
  const Frame& frame_;
  const std::vector<Masks>& masks_;
  int component_;
  std::map<std::tuple<int, int, int, int>, Counted> counted_;
};

const AcScript& best_script_of_sample(const Frame& frame, int component, const RowSample& sample) {
  Frame part = frame;
  part.components[component].levels = sample.view();
  std::vector<Masks> masks(frame.components.size());
  masks[component] = nonzero_masks(sample.view());
  return AcCounts(part, masks, component).best_script();
}

// The best AC scans of one component.
class AcScans {
 public:
  AcScans(const Frame& frame, const std::vector<Masks>& masks, int component, size_t choice_blocks)
      : counts_(frame, masks, component), component_(component) {
    const RowSample sample(frame.components[component].levels, choice_blocks);
    ac_script_ = sample.is_all() ? &counts_.best_script() : &best_script_of_sample(frame, component, sample);
  }

  size_t size() const { return ac_script_->size(); }

  // Adds the i-th scan to `script`.
  void add_to(Script& script, size_t i) {
    Scan scan = (*ac_script_)[i];
    scan.components = {component_};
    script.add(scan, counts_.of(scan).counts);
  }

 private:
  AcCounts counts_;
  int component_;
  const AcScript* ac_script_;
};

uint64_t dc_bits(const Script& script) {
  uint64_t bits = 0;
  for (const ScanCounts& counts : script.counts) {
    for (const CountSink& sink : counts.dc_sink) bits += coded_bits(sink.histogram) + sink.raw_bits;
  }
  for (const Scan& scan : script.scans) bits += scan_header_bits(scan.components.size());
  return bits;
}

// Chooses between one interleaved DC scan and one for each component.  In the latter, DC differences are smaller, since
// each block follows its left neighbour.
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
  size_t most = 0;
  for (int c = 0; c < static_cast<int>(frame.components.size()); ++c) {
    components.emplace_back(frame, masks, c, choice_blocks);
    most = std::max(most, components.back().size());
  }
  // The first scan of every component, then the second of every component: all components sharpen at the same time.
  for (size_t i = 0; i < most; ++i) {
    for (AcScans& scans : components) {
      if (i < scans.size()) scans.add_to(script, i);
    }
  }
  return script;
}

}  // namespace saliency_jpeg::codec
