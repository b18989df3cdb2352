// The walk over the symbols of a block.  All modes of T.81 that this codec writes (sequential, spectral selection,
// successive approximation) use these functions.  Code that counts, prices or writes symbols is a sink of this walk, so
// counted and written symbols cannot differ.
//
// A sink has   void symbol(int s)              a Huffman-coded symbol
//              void bits(uint32_t v, int n)    n raw bits
#pragma once

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "codec/constants.h"
#include "codec/huffman.h"
#include "codec/nonzero_mask.h"
#include "codec/types.h"
#include "common/simd.h"

namespace saliency_jpeg::codec {

// T.81 table F.1: the number of bits of a magnitude.
inline int category(uint32_t magnitude) { return magnitude == 0 ? 0 : 32 - __builtin_clz(magnitude); }

// Returns a mask with bits ss..se set.
inline uint64_t band_mask(int ss, int se) {
  return (se == kLastCoefficient ? ~uint64_t{0} : (uint64_t{1} << (se + 1)) - 1) & ~((uint64_t{1} << ss) - 1);
}

// T.81 F.1.2.1: the low bits of a value; those of value - 1 if it is negative.
template <class Sink>
void walk_value_bits(int value, int size, Sink& sink) {
  if (size > 0) sink.bits(static_cast<uint32_t>(value < 0 ? value - 1 : value), size);
}

// T.81 F.1.2.1 and G.1.2.1: the DC difference in the first scan.  Updates `prediction`.
template <class Sink>
void walk_dc_first(const int16_t* levels, int al, int& prediction, Sink& sink) {
  const int value = levels[0] >> al;
  const int difference = value - prediction;
  prediction = value;
  const int size = category(static_cast<uint32_t>(std::abs(difference)));
  sink.symbol(size);
  walk_value_bits(difference, size, sink);
}

// T.81 G.1.2.1: one more bit of DC.
template <class Sink>
void walk_dc_refine(const int16_t* levels, int al, Sink& sink) {
  sink.bits(static_cast<uint32_t>(levels[0] >> al) & 1, 1);
}

// An end-of-band run (T.81 G.1.2.2) and the correction bits that follow its symbol (G.1.2.3), carried from block to
// block.  A sequential scan is the case where a run has one block.
class EobRun {
 public:
  explicit EobRun(int max_blocks) : max_blocks_(max_blocks) {}

  template <class Sink>
  void add_block(Sink& sink) {
    if (++blocks_ == max_blocks_) flush(sink);
  }

  template <class Sink>
  void add_block(const std::vector<uint8_t>& corrections, Sink& sink) {
    corrections_.insert(corrections_.end(), corrections.begin(), corrections.end());
    add_block(sink);
    if (corrections_.size() > kMaxCorrections) flush(sink);
  }

  template <class Sink>
  void flush(Sink& sink) {
    if (blocks_ == 0) return;
    const int size = category(static_cast<uint32_t>(blocks_)) - 1;
    sink.symbol(size << 4);
    if (size > 0) sink.bits(static_cast<uint32_t>(blocks_), size);
    for (uint8_t bit : corrections_) sink.bits(bit, 1);
    corrections_.clear();
    blocks_ = 0;
  }

 private:
  static constexpr size_t kMaxCorrections = 937;  // bounds the memory; T.81 has no limit
  int max_blocks_;
  int blocks_ = 0;
  std::vector<uint8_t> corrections_;
};

// T.81 F.1.2.2 and G.1.2.2: the AC levels of a block in the first scan of their band.
template <class Sink>
void walk_ac_first(const int16_t* levels, uint64_t nonzero, const Scan& scan, EobRun& eob, Sink& sink) {
  int last = scan.ss - 1;
  for (uint64_t left = nonzero & band_mask(scan.ss, scan.se); left != 0; left &= left - 1) {
    const int k = __builtin_ctzll(left);
    const int level = levels[kZigzag[k]];
    const int magnitude = std::abs(level) >> scan.al;
    if (magnitude == 0) continue;
    eob.flush(sink);
    int run = k - last - 1;
    for (; run > kMaxZeroRun; run -= kMaxZeroRun + 1) sink.symbol(kZrl);
    const int size = category(static_cast<uint32_t>(magnitude));
    sink.symbol(run << 4 | size);
    walk_value_bits(level < 0 ? -magnitude : magnitude, size, sink);
    last = k;
  }
  if (last < scan.se) eob.add_block(sink);
}

// Returns the positions of the levels that become nonzero in a refinement scan.
SJ_INLINE uint64_t new_levels(const int16_t* levels, uint64_t band, int al) {
  uint64_t mask = 0;
  for (uint64_t left = band; left != 0; left &= left - 1) {
    const int k = __builtin_ctzll(left);
    if (std::abs(levels[kZigzag[k]]) >> al == 1) mask |= uint64_t{1} << k;
  }
  return mask;
}

// Sends the correction bits of the levels that the last symbol has passed.
template <class Sink>
SJ_INLINE void flush_corrections(std::vector<uint8_t>& corrections, Sink& sink) {
  for (uint8_t bit : corrections) sink.bits(bit, 1);
  corrections.clear();
}

// T.81 G.1.2.3: one more bit of the AC levels of a band.  `corrections` is scratch memory.
template <class Sink>
void walk_ac_refine(const int16_t* levels, uint64_t nonzero, const Scan& scan, EobRun& eob,
                    std::vector<uint8_t>& corrections, Sink& sink) {
  const uint64_t band = nonzero & band_mask(scan.ss, scan.se);
  const uint64_t fresh = new_levels(levels, band, scan.al);
  corrections.clear();
  int last = scan.ss - 1;  // the last position whose zeros have been counted
  int run = 0;
  for (uint64_t left = band; left != 0; left &= left - 1) {
    const int k = __builtin_ctzll(left);
    const int level = levels[kZigzag[k]];
    const int magnitude = std::abs(level) >> scan.al;
    if (magnitude == 0) continue;
    run += k - last - 1;
    last = k;
    const bool more = (fresh >> k) != 0;  // a new level follows; without one, a long run needs no ZRL
    while (run > kMaxZeroRun && more) {
      eob.flush(sink);
      sink.symbol(kZrl);
      run -= kMaxZeroRun + 1;
      flush_corrections(corrections, sink);
    }
    if (magnitude > 1) {
      corrections.push_back(static_cast<uint8_t>(magnitude & 1));
      continue;
    }
    eob.flush(sink);
    sink.symbol(run << 4 | 1);
    sink.bits(level < 0 ? 0 : 1, 1);
    flush_corrections(corrections, sink);
    run = 0;
  }
  const bool complete = last == scan.se && run == 0 && corrections.empty();
  if (!complete) eob.add_block(corrections, sink);
}

// ---- sinks ---------------------------------------------------------------------------------------------------------

struct CountSink {
  Histogram histogram{};
  uint64_t raw_bits = 0;

  void symbol(int s) { ++histogram[s]; }
  void bits(uint32_t, int n) { raw_bits += static_cast<uint64_t>(n); }
};

struct CostSink {
  const float* costs;  // bits of each symbol, raw bits included
  float total = 0;

  void symbol(int s) { total += costs[s]; }
  void bits(uint32_t, int) {}
};

}  // namespace saliency_jpeg::codec
