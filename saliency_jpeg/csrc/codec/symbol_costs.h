// Costs of symbols for the next pass of the quantizer, learned from levels.
#pragma once

#include <array>
#include <vector>

#include "codec/bands.h"
#include "codec/constants.h"
#include "codec/statistics.h"
#include "codec/types.h"

namespace saliency_jpeg::codec {

using AcCosts = std::array<float, kAcEntries>;
using DcCosts = std::array<float, kDcEntries>;

// The costs of components that share codes.
struct ComponentCosts {
  Division bands;
  std::vector<AcCosts> ac;  // of each band
  DcCosts dc;
};

struct LearnedCosts {
  std::vector<ComponentCosts> components;
  double total_bits = 0;   // of the levels
  double header_bits = 0;  // at most, of their Huffman tables and scan headers, which some scans will share
};

struct LearnParameters {
  bool progressive = true;                       // a code for each scan of a component; else two for AC, two for DC
  size_t choice_step = 1;                        // the bands are chosen by every n-th row of blocks
  const std::vector<Division>* bands = nullptr;  // of each component's scans, or null to choose them
  float unseen_bits = 0;                         // of a symbol without a code, beyond the longest code
};

// Returns the bits of every run/size symbol with its raw bits.
//
// The code lengths are those of the optimal Huffman code for the counts.  An end of band costs the mean of the runs
// that were sent.  What a block without levels costs follows from the entropy of runs of geometric length: R runs over
// T blocks take about R (a + log2(T / R)) bits, so one run less saves the mean less 1 / ln 2.
AcCosts ac_costs(const AcHistogram& histogram, float unseen_bits);

LearnedCosts learn_costs(const std::vector<LevelView>& components, const LearnParameters& parameters, int threads);

}  // namespace saliency_jpeg::codec
