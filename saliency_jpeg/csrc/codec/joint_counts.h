// Counts of the AC levels of a component that serve for every division into bands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "codec/scans.h"
#include "codec/symbols.h"
#include "codec/types.h"

namespace saliency_jpeg::codec {

// Looks at each level once: counts how often a level of each category follows a level at each position, and keeps
// which blocks have levels where.  The symbols of the first scan of any band (T.81 G.1.2.2) follow from these.
class JointCounts {
 public:
  // Counts levels without their last `al` bits.
  explicit JointCounts(const LevelView& levels, int al = 0);

  // Adds the symbols and raw bits of one scan over a band to `sink`.  Returns the number of blocks without levels in
  // the band.
  uint32_t add_to(Band band, CountSink& sink) const;

 private:
  // Levels at `position` (zigzag order) with the nonzero level before them at `last`, 0 if there is none.
  struct Entry {
    uint8_t position, last, category;
    uint32_t count;
  };

  void add_levels(Band band, CountSink& sink) const;
  uint32_t add_ends(Band band, CountSink& sink) const;

  Masks masks_;  // of the levels without their last bits
  std::vector<Entry> entries_;
};

}  // namespace saliency_jpeg::codec
