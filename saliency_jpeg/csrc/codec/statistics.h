// What levels would cost: counts of their symbols, and bits of each block under given prices.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "codec/types.h"

namespace jpegcore {

// Counts of the run/size symbols (T.81 F.1.2.2, G.1.2.2) of one scan over the AC coefficients of a band; with
// `eob_runs` an end of band may stand for many blocks (symbols 0x10 to 0xE0).  [256] counts the blocks without any
// level in the band.
using AcHistogram = std::array<uint32_t, 257>;
AcHistogram ac_histogram(const LevelView& levels, bool eob_runs, Band band = {});

// A division of the AC coefficients into bands, and the counts of each band over all components that share prices.
struct BandStatistics {
  std::vector<Band> bands;
  std::vector<AcHistogram> histograms;
};

// The division of `spectral_divisions()` in which these levels take the fewest bits in scans of their own, each with an
// optimal code; chosen by about `choice_blocks` of the blocks of each component, 0 for all.
BandStatistics best_bands(const std::vector<LevelView>& components, size_t choice_blocks = 0);

// bits[i] = AC bits of block i when symbol s costs prices[s], its raw bits included and
// an end of block that is its block's only symbol prices[256].
void block_bits(const LevelView& levels, const float* prices, float* bits);

}  // namespace jpegcore
