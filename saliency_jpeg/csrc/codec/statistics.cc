#include "codec/statistics.h"

#include <algorithm>
#include <map>
#include <utility>

#include "codec/bands.h"
#include "codec/code_tables.h"
#include "codec/row_sample.h"
#include "codec/scans.h"
#include "codec/symbols.h"

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

namespace {

// Counts of bands over some components, each band counted once.
class BandCounts {
 public:
  explicit BandCounts(const std::vector<LevelView>& components) : components_(components) {
    for (const LevelView& levels : components) masks_.push_back(nonzero_masks(levels));
  }

  const BandCount& of(Band band) {
    const auto [entry, is_new] = known_.try_emplace({band.ss, band.se}, band, true);
    if (is_new) {
      for (size_t c = 0; c < components_.size(); ++c) entry->second.add(components_[c], masks_[c]);
    }
    return entry->second;
  }

  // The division that takes the fewest bits.
  const std::vector<Band>& best_division() {
    const std::vector<Band>* best = nullptr;
    uint64_t lowest = 0;
    for (const std::vector<Band>& division : spectral_divisions()) {
      uint64_t bits = 0;
      for (Band band : division) bits += of(band).bits() + scan_header_bits(1);
      if (best == nullptr || bits < lowest) {
        best = &division;
        lowest = bits;
      }
    }
    return *best;
  }

  BandStatistics statistics(const std::vector<Band>& bands) {
    BandStatistics found{bands, {}};
    for (Band band : bands) found.histograms.push_back(of(band).histogram());
    return found;
  }

 private:
  std::vector<LevelView> components_;
  std::vector<Masks> masks_;
  std::map<std::pair<int, int>, BandCount> known_;
};

}  // namespace

BandStatistics best_bands(const std::vector<LevelView>& components, size_t choice_blocks) {
  std::vector<RowSample> samples;
  std::vector<LevelView> views;
  bool is_all = true;
  for (const LevelView& levels : components) {
    samples.emplace_back(levels, choice_blocks);
    views.push_back(samples.back().view());
    is_all = is_all && samples.back().is_all();
  }
  BandCounts sampled(views);
  const std::vector<Band>& bands = sampled.best_division();
  return is_all ? sampled.statistics(bands) : BandCounts(components).statistics(bands);
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
