// Chooses the progressive script that takes the fewest bits.
#pragma once

#include <vector>

#include "codec/code_tables.h"
#include "codec/scans.h"
#include "codec/tokens.h"

namespace saliency_jpeg::codec {

// Scans with their symbols and the counts of these.
struct Script {
  std::vector<Scan> scans;
  std::vector<ScanCounts> counts;
  std::vector<Tokens> tokens;

  void append(Script&& other);
};

// Walks over `scans`, several at a time, and keeps their symbols.
Script walk_scans(const Frame& frame, const std::vector<Masks>& masks, const std::vector<Scan>& scans, int threads);

// For every component, chooses the division of its AC coefficients into scans that takes the fewest bits, out of a
// fixed list.  Chooses whether the DC scan is interleaved.  Compares the divisions on about `choice_blocks` blocks of
// the first component, and on the same share of the rows of the others; 0 means all blocks.
Script choose_script(const Frame& frame, const std::vector<Masks>& masks, size_t choice_blocks, int threads);

}  // namespace saliency_jpeg::codec
