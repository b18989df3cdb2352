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

  void add(const Scan& scan, const ScanCounts& count) {
    scans.push_back(scan);
    counts.push_back(count);
  }
};

// For every component, chooses the division of its AC coefficients into scans that takes the fewest bits, out of a
// fixed list.  Chooses whether the DC scan is interleaved.  Compares the divisions on about `choice_blocks` blocks of a
// component; 0 means all blocks.
Script choose_script(const Frame& frame, const std::vector<Masks>& masks, size_t choice_blocks = 0);

}  // namespace saliency_jpeg::codec
