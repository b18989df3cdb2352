#include "script_choice.h"

#include <array>
#include <map>
#include <tuple>

#include "code_tables.h"

namespace jpegcore {
namespace {

using Division = std::vector<Scan>;  // of the AC coefficients of one component; `components` is filled in later

// Spectral selection suits low rates, successive approximation high ones.
const std::vector<Division>& divisions() {
  static const std::vector<Division> kDivisions{
      {{{}, 1, 63, 0, 0}},
      {{{}, 1, 5, 0, 0}, {{}, 6, 63, 0, 0}},
      {{{}, 1, 9, 0, 0}, {{}, 10, 63, 0, 0}},
      {{{}, 1, 5, 0, 0}, {{}, 6, 20, 0, 0}, {{}, 21, 63, 0, 0}},
      {{{}, 1, 5, 0, 0}, {{}, 6, 63, 0, 1}, {{}, 6, 63, 1, 0}},
      {{{}, 1, 2, 0, 0}, {{}, 3, 63, 0, 2}, {{}, 3, 63, 2, 1}, {{}, 3, 63, 1, 0}},
  };
  return kDivisions;
}

// Bits of AC scans of one component, each counted once.
class ScanCosts {
 public:
  ScanCosts(const Frame& frame, const std::vector<Masks>& masks, int component)
      : frame_(frame), masks_(masks), component_(component) {}

  uint64_t of(const Division& division) {
    uint64_t bits = 0;
    for (const Scan& scan : division) bits += of(scan);
    return bits;
  }

 private:
  uint64_t of(Scan scan) {
    const auto key = std::make_tuple(scan.ss, scan.se, scan.ah, scan.al);
    const auto found = known_.find(key);
    if (found != known_.end()) return found->second;
    scan.components = {component_};
    const ScanCounts counts = count_symbols(frame_, masks_, scan);
    const CountSink& sink = counts.ac_sink[table_slot(component_)];
    constexpr uint64_t kHeaderBits = 8 * 10;  // SOS with one component
    return known_[key] = coded_bits(sink.histogram) + sink.raw_bits + kHeaderBits;
  }

  const Frame& frame_;
  const std::vector<Masks>& masks_;
  int component_;
  std::map<std::tuple<int, int, int, int>, uint64_t> known_;
};

const Division& best_division(const Frame& frame, const std::vector<Masks>& masks, int component) {
  ScanCosts costs(frame, masks, component);
  const Division* best = nullptr;
  uint64_t lowest = 0;
  for (const Division& division : divisions()) {
    const uint64_t bits = costs.of(division);
    if (best == nullptr || bits < lowest) {
      best = &division;
      lowest = bits;
    }
  }
  return *best;
}

}  // namespace

std::vector<Scan> choose_script(const Frame& frame, const std::vector<Masks>& masks) {
  const int components = static_cast<int>(frame.components.size());
  std::vector<Scan> script = dc_script(frame);
  std::vector<const Division*> chosen;
  for (int c = 0; c < components; ++c) chosen.push_back(&best_division(frame, masks, c));
  for (size_t step = 0; step < 4; ++step) {  // all first scans, then all second ones: the picture sharpens evenly
    for (int c = 0; c < components; ++c) {
      if (step >= chosen[c]->size()) continue;
      script.push_back((*chosen[c])[step]);
      script.back().components = {c};
    }
  }
  return script;
}

}  // namespace jpegcore
