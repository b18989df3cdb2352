#include "statistics.h"

#include <algorithm>

#include "scans.h"
#include "symbols.h"

namespace jpegcore {
namespace {

const Scan kAllAc{{}, 1, 63, 0, 0};

uint64_t ac_mask(const int16_t* levels) { return nonzero_mask(levels) & ~uint64_t{1}; }

}  // namespace

AcHistogram ac_histogram(const LevelView& levels, bool eob_runs) {
  CountSink sink;
  EobRun eob(eob_runs ? kMaxEobRun : 1);
  uint32_t empty = 0;
  for (size_t i = 0; i < levels.count(); ++i) {
    const uint64_t mask = ac_mask(levels.at(i));
    empty += mask == 0;
    walk_ac_first(levels.at(i), mask, kAllAc, eob, sink);
  }
  eob.flush(sink);
  AcHistogram histogram;
  std::copy(sink.histogram.begin(), sink.histogram.end(), histogram.begin());
  histogram[256] = empty;
  return histogram;
}

void block_bits(const LevelView& levels, const float* prices, float* bits) {
  for (size_t i = 0; i < levels.count(); ++i) {
    const uint64_t mask = ac_mask(levels.at(i));
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
