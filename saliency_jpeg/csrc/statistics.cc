#include "statistics.h"

#include "scans.h"
#include "symbols.h"

namespace jpegcore {
namespace {

// Calls visit(block, mask) for each block.
template <class Visit>
void each_block(const LevelView& levels, Visit visit) {
  for (size_t i = 0; i < levels.count(); ++i) visit(i, nonzero_mask(levels.at(i)) & ~uint64_t{1});
}

// Walks the AC symbols of one block as a sequential scan would.
template <class Sink>
void walk_block(const int16_t* levels, uint64_t mask, Sink& sink) {
  static const Scan kAllAc{{}, 1, 63, 0, 0};
  EobRun eob(1);
  walk_ac_first(levels, mask, kAllAc, eob, sink);
}

}  // namespace

AcHistogram ac_histogram(const LevelView& levels) {
  CountSink sink;
  uint32_t empty = 0;
  each_block(levels, [&](size_t i, uint64_t mask) {
    if (mask == 0) {
      ++empty;
    } else {
      walk_block(levels.at(i), mask, sink);
    }
  });
  AcHistogram histogram{};
  for (int s = 0; s < 256; ++s) histogram[s] = sink.histogram[s];
  histogram[256] = empty;
  return histogram;
}

void block_bits(const LevelView& levels, const float* prices, float* bits) {
  each_block(levels, [&](size_t i, uint64_t mask) {
    if (mask == 0) {
      bits[i] = prices[256];
      return;
    }
    PriceSink sink{prices};
    walk_block(levels.at(i), mask, sink);
    bits[i] = sink.total;
  });
}

}  // namespace jpegcore
