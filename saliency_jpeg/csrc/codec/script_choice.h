// Chooses the progressive script that takes the fewest bits.
#pragma once

#include <vector>

#include "codec/code_tables.h"
#include "codec/scans.h"

namespace saliency_jpeg::codec {

// Scans with the counts of their symbols.
struct Script {
  std::vector<Scan> scans;
  std::vector<ScanCounts> counts;

  void append(const Script& other) {
    scans.insert(scans.end(), other.scans.begin(), other.scans.end());
    counts.insert(counts.end(), other.counts.begin(), other.counts.end());
  }
};

// Counts the symbols of `scans`, several scans at a time.
Script count_scans(const Frame& frame, const std::vector<Masks>& masks, const std::vector<Scan>& scans, int threads);

// For every component, chooses the division of its AC coefficients into scans that takes the fewest bits, out of a
// fixed list.  Chooses whether the DC scan is interleaved.  Compares the divisions on about `choice_blocks` blocks of a
// component; 0 means all blocks.
Script choose_script(const Frame& frame, const std::vector<Masks>& masks, size_t choice_blocks, int threads);

}  // namespace saliency_jpeg::codec
