#include "codec/statistics.h"

#include <algorithm>
#include <map>
#include <utility>

#include "codec/code_tables.h"
#include "codec/row_sample.h"
#include "codec/scans.h"
#include "codec/symbols.h"

namespace saliency_jpeg::codec {
namespace {

const Scan kAllAc{{}, 1, kLastCoefficient, 0, 0};

// Symbol counts and raw bits of one band, over all components that are added.
class BandCount {
 public:
  BandCount(Band band, bool eob_runs)
      : scan_{{}, band.ss, band.se, 0, 0}, mask_(band_mask(band.ss, band.se)), max_run_(eob_runs ? kMaxEobRun : 1) {}

  void add(const LevelView& levels, const Masks& masks) {
    EobRun eob(max_run_);
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
    counts[kEmptyBand] = empty_;
    return counts;
  }

 private:
  Scan scan_;
  uint64_t mask_;
  int max_run_;
  CountSink sink_;
  uint32_t empty_ = 0;
};

// Counts of bands over some components.  Counts each band once.
class BandCounts {
 public:
  explicit BandCounts(const std::vector<LevelView>& components) : components_(components) {
    for (const LevelView& levels : components) masks_.push_back(nonzero_masks(levels));
  }

  const BandCount& of(Band band) {
    const auto [entry, is_new] = counted_.try_emplace({band.ss, band.se}, band, true);
    if (is_new) {
      for (size_t c = 0; c < components_.size(); ++c) entry->second.add(components_[c], masks_[c]);
    }
    return entry->second;
  }

  const Division& best_division() {
    const Division* best = nullptr;
    uint64_t lowest = 0;
    for (const Division& division : spectral_divisions()) {
      uint64_t bits = 0;
      for (Band band : division) bits += of(band).bits() + scan_header_bits(1);
      if (best == nullptr || bits < lowest) {
        best = &division;
        lowest = bits;
      }
    }
    return *best;
  }

  BandStatistics statistics(const Division& bands) {
    BandStatistics result{bands, {}};
    for (Band band : bands) result.histograms.push_back(of(band).histogram());
    return result;
  }

 private:
  std::vector<LevelView> components_;
  std::vector<Masks> masks_;
  std::map<std::pair<int, int>, BandCount> counted_;
};

}  // namespace

AcHistogram ac_histogram(const LevelView& levels, bool eob_runs, Band band) {
  BandCount count(band, eob_runs);
  count.add(levels, nonzero_masks(levels));
  return count.histogram();
}

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
  const Division& bands = sampled.best_division();
  return is_all ? sampled.statistics(bands) : BandCounts(components).statistics(bands);
}

void block_bits(const LevelView& levels, const float* symbol_costs, float* bits) {
  const uint64_t ac = band_mask(kAllAc.ss, kAllAc.se);
  for (size_t i = 0; i < levels.count(); ++i) {
    const uint64_t mask = nonzero_mask(levels.at(i)) & ac;
    if (mask == 0) {
      bits[i] = symbol_costs[kEmptyBand];
      continue;
    }
    CostSink sink{symbol_costs};
    EobRun eob(1);
    walk_ac_first(levels.at(i), mask, kAllAc, eob, sink);
    bits[i] = sink.total;
  }
}

}  // namespace saliency_jpeg::codec
