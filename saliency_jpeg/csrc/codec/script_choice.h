// The progressive script that takes the fewest bits for given levels.
#pragma once

#include <vector>

#include "codec/code_tables.h"
#include "codec/scans.h"

namespace jpegcore {

// Scans and the counts of their symbols.
struct Script {
  std::vector<Scan> scans;
  std::vector<ScanCounts> counts;

  void add(const Scan& scan, const ScanCounts& count) {
    scans.push_back(scan);
    counts.push_back(count);
  }
};

// Chooses for every component, among a few divisions of its AC coefficients into scans, the one with the fewest bits,
// and whether the DC scans are interleaved. The divisions are compared on about `choice_blocks` blocks of a component,
// 0 for all.
Script choose_script(const Frame& frame, const std::vector<Masks>& masks, size_t choice_blocks = 0);

}  // namespace jpegcore
