#include "statistics.h"

#include <algorithm>
#include <map>
#include <utility>

#include "bands.h"
#include "code_tables.h"
#include "scans.h"
#include "symbols.h"

namespace jpegcore {
namespace {

const Scan kAllAc{{}, 1, 63, 0, 0};

// Counts and raw bits of one band, whose scan is `add`ed component by component.
class BandCount {
 public:
  BandCount(Band band, bool eob_runs)
      : scan_{{}, band.ss, band.se, 0, 0}, mask_(band_mask(band.ss, band.se)), limit_(eob_runs ? kMaxEobRun : 1) {}

  void add(const LevelView& levels, const Masks& masks) {
    EobRun eob(limit_);
    for (size_t i = 0; i < levels.count(); ++i) {
      empty_ += (masks[i] & mask_) == 0;
      walk_ac_first(levels.at(i), masks[i], scan_, eob, sink_);
    }
    eob.flush(sink_);
  }

  uint64_t bits() const { return coded_bits(sink_.histogram) + sink_.raw_bits; }

  AcHistogram histogram() const {
    AcHistogram counts;
    std::copy(sink_.histogram.begin(), sink_.histogram.end(), counts.begin());
    counts[256] = empty_;
    return counts;
  }

 private:
  Scan scan_;
  uint64_t mask_;
  int limit_;
  CountSink sink_;
  uint32_t empty_ = 0;
};

}  // namespace

AcHistogram ac_histogram(const LevelView& levels, bool eob_runs, Band band) {
  BandCount count(band, eob_runs);
  count.add(levels, nonzero_masks(levels));
  return count.histogram();
}

BandStatistics best_bands(const std::vector<LevelView>& components) {
  std::vector<Masks> masks;
  for (const LevelView& levels : components) masks.push_back(nonzero_masks(levels));
  std::map<std::pair<int, int>, BandCount> known;
  const auto counted = [&](Band band) -> const BandCount& {
    const auto [entry, is_new] = known.try_emplace({band.ss, band.se}, band, true);
    if (is_new) {
      for (size_t c = 0; c < components.size(); ++c) entry->second.add(components[c], masks[c]);
    }
    return entry->second;
  };
  const std::vector<Band>* best = nullptr;
  uint64_t lowest = 0;
  for (const std::vector<Band>& division : spectral_divisions()) {
    uint64_t bits = 0;
    for (Band band : division) bits += counted(band).bits() + scan_header_bits(1);
    if (best == nullptr || bits < lowest) {
      best = &division;
      lowest = bits;
    }
  }
  BandStatistics statistics{*best, {}};
  for (Band band : *best) statistics.histograms.push_back(counted(band).histogram());
  return statistics;
}

void block_bits(const LevelView& levels, const float* prices, float* bits) {
  for (size_t i = 0; i < levels.count(); ++i) {
    const uint64_t mask = nonzero_mask(levels.at(i)) & band_mask(1, 63);
    if (mask == 0) {
      bits[i] = prices[256];
      continue;
    }
    PriceSink sink{prices};
    EobRun eob(1);
    walk_ac_first(levels.at(i), mask, kAllAc, eob, sink);
    bits[i] = sink.total;
  }
}

}  // namespace jpegcore
