#include "codec/script_choice.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "codec/bands.h"
#include "codec/joint_counts.h"
#include "codec/row_sample.h"
#include "common/parallel.h"

namespace saliency_jpeg::codec {
namespace {

using AcScript = std::vector<Scan>;  // the AC scans of one component; Scan::components is set later

// In 420 components of photographs at qualities 20 to 97, successive approximation was best in 36, all of which had
// more nonzero levels than this in a block.
constexpr size_t kLevelsToRefine = 6;
constexpr size_t kRefineStep = 2;  // it is compared on every n-th row of the sample

struct AcScripts {
  std::vector<AcScript> spectral;    // best at low quality
  std::vector<AcScript> successive;  // may be best at high quality

  AcScripts()
      : successive{
            {{{}, 1, 5, 0, 0}, {{}, 6, 63, 0, 1}, {{}, 6, 63, 1, 0}},
            {{{}, 1, 2, 0, 0}, {{}, 3, 63, 0, 2}, {{}, 3, 63, 2, 1}, {{}, 3, 63, 1, 0}},
        } {
    for (const Division& division : spectral_divisions()) {
      spectral.emplace_back();
      for (Band band : division) spectral.back().push_back({{}, band.ss, band.se, 0, 0});
    }
  }
};

const AcScripts& ac_scripts() {
  static const AcScripts kScripts;
  return kScripts;
}

// Bits of AC scans of one component, by a sample of its blocks.  Works out each scan once.
class AcBits {
 public:
  AcBits(const Frame& frame, int component, const LevelView& sample)
      : masks_(frame.components.size()), component_(component) {
    part_.height = frame.height;
    part_.width = frame.width;
    part_.progressive = frame.progressive;
    part_.restart_interval = frame.restart_interval;
    part_.components = frame.components;
    part_.components[component].levels = sample;
    masks_[component] = nonzero_masks(sample);
  }

  const AcScript& best_of(const std::vector<const AcScript*>& scripts) {
    const AcScript* best = nullptr;
    uint64_t lowest = 0;
    for (const AcScript* script : scripts) {
      uint64_t bits = 0;
      for (const Scan& scan : *script) bits += of(scan);
      if (best == nullptr || bits < lowest) {
        best = script;
        lowest = bits;
      }
    }
    return *best;
  }

  size_t levels_per_block() const {
    size_t levels = 0;
    for (uint64_t mask : masks_[component_]) levels += static_cast<size_t>(__builtin_popcountll(mask));
    return levels / std::max<size_t>(masks_[component_].size(), 1);
  }

 private:
  uint64_t of(const Scan& scan) {
    const auto [entry, is_new] = bits_.try_emplace({scan.ss, scan.se, scan.ah, scan.al});
    if (is_new) {
      const CountSink sink = count(scan);
      entry->second = coded_bits(sink.histogram) + sink.raw_bits + scan_header_bits(1);
    }
    return entry->second;
  }

  CountSink count(Scan scan) {
    if (scan.ah == 0 && part_.restart_interval == 0) {  // restart markers would end runs of blocks
      std::optional<JointCounts>& counts = counts_[scan.al];
      if (!counts) counts.emplace(part_.components[component_].levels, scan.al);
      CountSink sink;
      counts->add_to({scan.ss, scan.se}, sink);
      return sink;
    }
    scan.components = {component_};
    return count_symbols(part_, masks_, scan).ac(code_slot(component_));
  }

  Frame part_;
  std::vector<Masks> masks_;
  int component_;
  std::array<std::optional<JointCounts>, 3> counts_;  // for the values that Al has in first scans
  std::map<std::tuple<int, int, int, int>, uint64_t> bits_;
};

std::vector<const AcScript*> pointers_to(const std::vector<AcScript>& scripts) {
  std::vector<const AcScript*> pointers;
  for (const AcScript& script : scripts) pointers.push_back(&script);
  return pointers;
}

// Compares successive approximation, which takes long to count, with the best of the rest on fewer blocks.
const AcScript& best_script(const Frame& frame, int component, const LevelView& sample) {
  AcBits bits(frame, component, sample);
  const AcScript& spectral = bits.best_of(pointers_to(ac_scripts().spectral));
  if (bits.levels_per_block() < kLevelsToRefine) return spectral;
  const RowSample fewer(sample, kRefineStep);
  std::vector<const AcScript*> scripts = pointers_to(ac_scripts().successive);
  scripts.insert(scripts.begin(), &spectral);
  return AcBits(frame, component, fewer.view()).best_of(scripts);
}

uint64_t dc_bits(const Script& script) {
  uint64_t bits = 0;
  for (const ScanCounts& counts : script.counts) {
    for (const CountSink& sink : counts.dc_sink) bits += coded_bits(sink.histogram) + sink.raw_bits;
  }
  for (const Scan& scan : script.scans) bits += scan_header_bits(scan.components.size());
  return bits;
}

// The scans of one component that send DC.
std::vector<Scan> separate_dc_script(const Frame& frame) {
  std::vector<Scan> scans;
  for (int c = 0; c < static_cast<int>(frame.components.size()); ++c) scans.push_back({{c}, 0, 0, 0, 0});
  return scans;
}

// Chooses the AC scans.  The first scan of every component comes first, then the second of every component: all
// components sharpen at the same time.
std::vector<Scan> choose_ac_scans(const Frame& frame, size_t choice_blocks, int threads) {
  const int count = static_cast<int>(frame.components.size());
  std::vector<const AcScript*> chosen(count);
  const size_t step = row_step(frame.components[0].levels, choice_blocks);
  parallel_for(count, 1, threads, [&](int c, int) {
    const RowSample sample(frame.components[c].levels, step);
    chosen[c] = &best_script(frame, c, sample.view());
  });
  size_t most = 0;
  for (const AcScript* script : chosen) most = std::max(most, script->size());
  std::vector<Scan> scans;
  for (size_t i = 0; i < most; ++i) {
    for (int c = 0; c < count; ++c) {
      if (i >= chosen[c]->size()) continue;
      scans.push_back((*chosen[c])[i]);
      scans.back().components = {c};
    }
  }
  return scans;
}

}  // namespace

Script choose_script(const Frame& frame, const std::vector<Masks>& masks, size_t choice_blocks, int threads) {
  const std::vector<Scan> ac_scans = choose_ac_scans(frame, choice_blocks, threads);
  // With a DC scan for each component, the differences are smaller, since each block follows its left neighbour.
  Script together = walk_scans(frame, masks, dc_script(frame), threads);
  Script apart = walk_scans(frame, masks, separate_dc_script(frame), threads);
  Script script = std::move(dc_bits(apart) < dc_bits(together) ? apart : together);
  script.append(walk_scans(frame, masks, ac_scans, threads));
  return script;
}

void Script::append(Script&& other) {
  std::move(other.scans.begin(), other.scans.end(), std::back_inserter(scans));
  std::move(other.counts.begin(), other.counts.end(), std::back_inserter(counts));
  std::move(other.tokens.begin(), other.tokens.end(), std::back_inserter(tokens));
}

Script walk_scans(const Frame& frame, const std::vector<Masks>& masks, const std::vector<Scan>& scans, int threads) {
  Script script{scans, std::vector<ScanCounts>(scans.size()), std::vector<Tokens>(scans.size())};
  parallel_for(static_cast<int>(scans.size()), 1, threads, [&](int i, int) {
    TokenSinks sinks(script.counts[i], script.tokens[i]);
    ScanWalk<TokenSinks>(frame, masks, scans[i], sinks).run();
  });
  return script;
}

}  // namespace saliency_jpeg::codec
