// The one walk over the symbols of a block.  Every mode of T.81 that this codec writes (sequential, spectral selection,
// successive approximation) goes through these functions, and whoever counts, prices or writes symbols does it as a
// sink of this walk, so the three cannot disagree.
//
// A sink has   void symbol(int s)              a Huffman coded symbol
//              void bits(uint32_t v, int n)    n raw bits
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "codec/constants.h"
#include "codec/huffman.h"
#include "codec/types.h"

namespace jpegcore {

// T.81 table F.1: bits needed for a magnitude.
inline int category(uint32_t magnitude) { return magnitude == 0 ? 0 : 32 - __builtin_clz(magnitude); }

// Bit k is set where the k-th level in zigzag order is not zero.
inline uint64_t nonzero_mask(const int16_t* levels) {
  uint64_t mask = 0;
  for (int i = 0; i < kBlockSize; i += 4) {
    uint64_t four;
    std::memcpy(&four, levels + i, sizeof four);
    if (four == 0) continue;
    for (int j = i; j < i + 4; ++j) {
      if (levels[j] != 0) mask |= uint64_t{1} << kZigzagPosition[j];
    }
  }
  return mask;
}

// Bits ss..se set.
inline uint64_t band_mask(int ss, int se) {
  return (se == 63 ? ~uint64_t{0} : (uint64_t{1} << (se + 1)) - 1) & ~((uint64_t{1} << ss) - 1);
}

// T.81 F.1.2.1: category and low bits of a value; a negative one is sent as value - 1.
template <class Sink>
void walk_value_bits(int value, int size, Sink& sink) {
  if (size > 0) sink.bits(static_cast<uint32_t>(value < 0 ? value - 1 : value), size);
}

// T.81 F.1.2.1 and G.1.2.1: DC difference, first scan.  `prediction` is updated.
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

// End-of-band run carried from block to block (T.81 G.1.2.2), with the correction bits that wait behind it (G.1.2.3).
// A sequential scan is the case where no run may be longer than one block.
class EobRun {
 public:
  explicit EobRun(int limit) : limit_(limit) {}

  template <class Sink>
  void add_block(const std::vector<uint8_t>& corrections, Sink& sink) {
    ++count_;
    corrections_.insert(corrections_.end(), corrections.begin(), corrections.end());
    if (count_ == limit_ || corrections_.size() > kMaxCorrections) flush(sink);
  }

  template <class Sink>
  void flush(Sink& sink) {
    if (count_ == 0) return;
    const int size = category(static_cast<uint32_t>(count_)) - 1;
    sink.symbol(size << 4);
    if (size > 0) sink.bits(static_cast<uint32_t>(count_), size);
    for (uint8_t bit : corrections_) sink.bits(bit, 1);
    corrections_.clear();
    count_ = 0;
  }

 private:
  static constexpr size_t kMaxCorrections = 937;  // bounds what is held back; any number is legal
  int limit_;
  int count_ = 0;
  std::vector<uint8_t> corrections_;
};

// T.81 F.1.2.2 and G.1.2.2: AC coefficients of a block in the first (or only) scan of their band.
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
    for (; run > 15; run -= 16) sink.symbol(kZrl);
    const int size = category(static_cast<uint32_t>(magnitude));
    sink.symbol(run << 4 | size);
    walk_value_bits(level < 0 ? -magnitude : magnitude, size, sink);
    last = k;
  }
  static const std::vector<uint8_t> kNone;
  if (last < scan.se) eob.add_block(kNone, sink);
}

// T.81 G.1.2.3: one more bit of the AC coefficients of a band.  `corrections` is scratch space.
template <class Sink>
void walk_ac_refine(const int16_t* levels, uint64_t nonzero, const Scan& scan, EobRun& eob,
                    std::vector<uint8_t>& corrections, Sink& sink) {
  const uint64_t band = nonzero & band_mask(scan.ss, scan.se);
  uint64_t fresh = 0;  // becomes nonzero in this scan
  for (uint64_t left = band; left != 0; left &= left - 1) {
    const int k = __builtin_ctzll(left);
    if (std::abs(levels[kZigzag[k]]) >> scan.al == 1) fresh |= uint64_t{1} << k;
  }
  corrections.clear();
  int last = scan.ss - 1;  // last position that the runs have passed
  int run = 0;
  for (uint64_t left = band; left != 0; left &= left - 1) {
    const int k = __builtin_ctzll(left);
    const int level = levels[kZigzag[k]];
    const int magnitude = std::abs(level) >> scan.al;
    if (magnitude == 0) continue;
    run += k - last - 1;
    last = k;
    const bool more = (fresh >> k) != 0;  // a run longer than 15 needs a ZRL only where a new coefficient follows
    while (run > 15 && more) {
      eob.flush(sink);
      sink.symbol(kZrl);
      run -= 16;
      for (uint8_t bit : corrections) sink.bits(bit, 1);
      corrections.clear();
    }
    if (magnitude > 1) {
      corrections.push_back(static_cast<uint8_t>(magnitude & 1));
      continue;
    }
    eob.flush(sink);
    sink.symbol(run << 4 | 1);
    sink.bits(level < 0 ? 0 : 1, 1);
    for (uint8_t bit : corrections) sink.bits(bit, 1);
    corrections.clear();
    run = 0;
  }
  const bool complete = last == scan.se && run == 0 && corrections.empty();
  if (!complete) eob.add_block(corrections, sink);
}

// ---- the sinks -----------------------------------------------------------------------------------------------------

struct CountSink {
  Histogram histogram{};
  uint64_t raw_bits = 0;

  void symbol(int s) { ++histogram[s]; }
  void bits(uint32_t, int n) { raw_bits += static_cast<uint64_t>(n); }
};

struct PriceSink {
  const float* prices;  // bits of each symbol, the raw bits behind it included
  float total = 0;

  void symbol(int s) { total += prices[s]; }
  void bits(uint32_t, int) {}
};

}  // namespace jpegcore
