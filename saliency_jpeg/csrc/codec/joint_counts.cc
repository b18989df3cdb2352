#include "codec/joint_counts.h"

#include <algorithm>
#include <cstdlib>

#include "codec/constants.h"

namespace saliency_jpeg::codec {
namespace {

constexpr size_t kCategories = 16;

size_t index_of(int position, int last, int category) {
  return (static_cast<size_t>(position) * kBlockSize + last) * kCategories + category;
}

std::vector<uint32_t> count_pairs(const LevelView& levels, const Masks& masks) {
  std::vector<uint32_t> counts(kBlockSize * kBlockSize * kCategories);
  const uint64_t ac = band_mask(1, kLastCoefficient);
  for (size_t i = 0; i < masks.size(); ++i) {
    const int16_t* block = levels.at(i);
    int last = 0;
    for (uint64_t left = masks[i] & ac; left != 0; left &= left - 1) {
      const int position = __builtin_ctzll(left);
      ++counts[index_of(position, last, category(static_cast<uint32_t>(std::abs(block[kZigzag[position]]))))];
      last = position;
    }
  }
  return counts;
}

}  // namespace

JointCounts::JointCounts(const LevelView& levels) : masks_(nonzero_masks(levels)) {
  const std::vector<uint32_t> counts = count_pairs(levels, masks_);
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    const size_t pair = i / kCategories;
    entries_.push_back({static_cast<uint8_t>(pair / kBlockSize), static_cast<uint8_t>(pair % kBlockSize),
                        static_cast<uint8_t>(i % kCategories), counts[i]});
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

uint32_t JointCounts::add_ends(Band band, CountSink& sink) const {
  const uint64_t in_band = band_mask(band.ss, band.se);
  const uint64_t final_level = uint64_t{1} << band.se;
  EobRun run(kMaxEobRun);
  uint32_t empty = 0;
  for (uint64_t mask : masks_) {
    if ((mask & in_band) == 0) {
      ++empty;
    } else {
      run.flush(sink);
      if ((mask & final_level) != 0) continue;
    }
    run.add_block(sink);
  }
  run.flush(sink);
  return empty;
}

}  // namespace saliency_jpeg::codec
