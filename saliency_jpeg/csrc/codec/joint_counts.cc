#include "codec/joint_counts.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "codec/constants.h"

namespace saliency_jpeg::codec {
namespace {

constexpr int kCategories = kMaxAcCategory + 1;
constexpr int kPairs = kBlockSize * (kBlockSize - 1) / 2;

// Where the counts of a position begin: pairs are ordered by position, then by the position before, which is less.
constexpr std::array<int, kBlockSize> make_offsets() {
  std::array<int, kBlockSize> offsets{};
  for (int position = 1; position < kBlockSize; ++position) {
    offsets[position] = position * (position - 1) / 2 * kCategories;
  }
  return offsets;
}
constexpr std::array<int, kBlockSize> kOffsets = make_offsets();

// Counts the pairs of a block.  Returns the mask of the levels that are left.
uint64_t count_block(const int16_t* block, uint64_t nonzero, int al, uint32_t* counts) {
  uint64_t mask = nonzero;
  int last = 0;
  for (uint64_t left = nonzero; left != 0; left &= left - 1) {
    const int position = __builtin_ctzll(left);
    const int size = category(static_cast<uint32_t>(std::abs(block[kZigzag[position]]) >> al));
    if (size == 0) {
      mask &= ~(uint64_t{1} << position);
      continue;
    }
    ++counts[kOffsets[position] + last * kCategories + size];
    last = position;
  }
  return mask;
}

// Bits of a number, without the branch of category().
uint32_t bit_length(uint32_t n) { return 31 - static_cast<uint32_t>(__builtin_clz(2 * n + 1)); }

}  // namespace

JointCounts::JointCounts(const LevelView& levels, int al) : masks_(levels.count()) {
  const uint64_t ac = band_mask(1, kLastCoefficient);
  std::vector<uint32_t> counts(kPairs * kCategories);
  for (size_t i = 0; i < masks_.size(); ++i) {
    const int16_t* block = levels.at(i);
    masks_[i] = count_block(block, nonzero_mask(block) & ac, al, counts.data());
  }
  const uint32_t* count = counts.data();
  for (int position = 1; position < kBlockSize; ++position) {
    for (int last = 0; last < position; ++last) {
      for (int size = 0; size < kCategories; ++size, ++count) {
        if (*count == 0) continue;
        entries_.push_back(
            {static_cast<uint8_t>(position), static_cast<uint8_t>(last), static_cast<uint8_t>(size), *count});
      }
    }
  }
}

uint32_t JointCounts::add_to(Band band, CountSink& sink) const {
  add_levels(band, sink);
  return add_ends(band, sink);
}

void JointCounts::add_levels(Band band, CountSink& sink) const {
  const auto before = [](const Entry& entry, int position) { return entry.position < position; };
  auto entry = std::lower_bound(entries_.begin(), entries_.end(), band.ss, before);
  for (; entry != entries_.end() && entry->position <= band.se; ++entry) {
    const int run = entry->position - std::max<int>(entry->last, band.ss - 1) - 1;
    sink.histogram[kZrl] += static_cast<uint32_t>(run / (kMaxZeroRun + 1)) * entry->count;
    sink.histogram[(run % (kMaxZeroRun + 1)) << 4 | entry->category] += entry->count;
    sink.raw_bits += static_cast<uint64_t>(entry->category) * entry->count;
  }
}

// The runs of end-of-band symbols (T.81 G.1.2.2).  Which blocks hold levels is hard to predict, so there is no branch
// on it: entry 0 of the counts takes what is no end of a run.
uint32_t JointCounts::add_ends(Band band, CountSink& sink) const {
  const uint64_t in_band = band_mask(band.ss, band.se);
  const uint64_t final_level = uint64_t{1} << band.se;
  std::array<uint32_t, 32> ends{};  // by the category of the length of the run
  uint32_t run = 0, empty = 0;
  for (uint64_t mask : masks_) {
    const uint32_t is_empty = (mask & in_band) == 0;
    empty += is_empty;
    ++ends[bit_length(run & (is_empty - 1))];
    run &= 0 - is_empty;
    run += (mask & final_level) == 0;
    if (run == kMaxEobRun) {
      ++ends[bit_length(run)];
      run = 0;
    }
  }
  ++ends[bit_length(run)];
  for (uint32_t size = 1; size < ends.size(); ++size) {
    if (ends[size] == 0) continue;
    sink.histogram[(size - 1) << 4] += ends[size];
    sink.raw_bits += static_cast<uint64_t>(size - 1) * ends[size];
  }
  return empty;
}

}  // namespace saliency_jpeg::codec
