#include "codec/statistics.h"

#include <algorithm>
#include <map>
#include <utility>

#include "codec/code_tables.h"
#include "codec/joint_counts.h"
#include "codec/row_sample.h"
#include "codec/symbols.h"

namespace saliency_jpeg::codec {
namespace {

const Scan kAllAc{{}, 1, kLastCoefficient, 0, 0};

AcHistogram with_empty(const CountSink& sink, uint32_t empty) {
  AcHistogram counts;
  std::copy(sink.histogram.begin(), sink.histogram.end(), counts.begin());
  counts[kEmptyBand] = empty;
  return counts;
}

// Counts of the bands of a component.  Counts each band once.
class BandCounts {
 public:
  explicit BandCounts(const LevelView& levels) : counts_(levels) {}

  const Division& best_division() {
    const Division* best = nullptr;
    uint64_t lowest = 0;
    for (const Division& division : spectral_divisions()) {
      uint64_t bits = 0;
      for (Band band : division) bits += of(band).bits + scan_header_bits(1);
      if (best == nullptr || bits < lowest) {
        best = &division;
        lowest = bits;
      }
    }
    return *best;
  }

  BandStatistics statistics(const Division& bands) {
    BandStatistics result{bands, {}};
    for (Band band : bands) result.histograms.push_back(of(band).histogram);
    return result;
  }

 private:
  struct Counted {
    AcHistogram histogram;
    uint64_t bits = 0;
  };

  const Counted& of(Band band) {
    const auto [entry, is_new] = counted_.try_emplace({band.ss, band.se});
    if (!is_new) return entry->second;
    CountSink sink;
    const uint32_t empty = counts_.add_to(band, sink);
    entry->second = {with_empty(sink, empty), coded_bits(sink.histogram) + sink.raw_bits};
    return entry->second;
  }

  JointCounts counts_;
  std::map<std::pair<int, int>, Counted> counted_;
};

}  // namespace

AcHistogram ac_histogram(const LevelView& levels, bool eob_runs, Band band) {
  const Scan scan{{}, band.ss, band.se, 0, 0};
  const uint64_t in_band = band_mask(band.ss, band.se);
  EobRun eob(eob_runs ? kMaxEobRun : 1);
  CountSink sink;
  uint32_t empty = 0;
  for (size_t i = 0; i < levels.count(); ++i) {
    const uint64_t mask = nonzero_mask(levels.at(i));
    empty += (mask & in_band) == 0;
    walk_ac_first(levels.at(i), mask, scan, eob, sink);
  }
  eob.flush(sink);
  return with_empty(sink, empty);
}

BandStatistics best_bands(const LevelView& levels, size_t choice_step) {
  const RowSample sample(levels, choice_step);
  BandCounts sampled(sample.view());
  const Division& bands = sampled.best_division();
  return sample.is_all() ? sampled.statistics(bands) : band_statistics(levels, bands);
}

BandStatistics band_statistics(const LevelView& levels, const Division& bands) {
  return BandCounts(levels).statistics(bands);
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
