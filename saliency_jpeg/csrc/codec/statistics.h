// Statistics of levels: counts of their symbols, and the bits of each block.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "codec/bands.h"
#include "codec/constants.h"
#include "codec/types.h"

namespace saliency_jpeg::codec {

// One count for each AC symbol; [kEmptyBand] counts blocks.
using AcHistogram = std::array<uint32_t, kAcEntries>;

// Counts the run/size symbols (T.81 F.1.2.2, G.1.2.2) of one scan over the AC levels of a band.  With `eob_runs`, as in
// a progressive scan, one symbol (0x00, 0x10 .. 0xE0) ends a run of blocks.  [kEmptyBand] is the number of blocks
// without levels in the band; the symbols that end them are counted too.
AcHistogram ac_histogram(const LevelView& levels, bool eob_runs, Band band = {});

// A division into bands, and the counts of each band.
struct BandStatistics {
  Division bands;
  std::vector<AcHistogram> histograms;
};

// Returns the division of spectral_divisions() that takes the fewest bits for these levels, each band with an optimal
// code.  Chooses by every `choice_step`-th row of blocks.
BandStatistics best_bands(const LevelView& levels, size_t choice_step = 1);

// Returns the counts of these bands.
BandStatistics band_statistics(const LevelView& levels, const Division& bands);

// Sets bits[i] to the AC bits of block i.  Symbol s costs symbol_costs[s] bits, its raw bits included; a block without
// AC levels costs symbol_costs[kEmptyBand].
void block_bits(const LevelView& levels, const float* symbol_costs, float* bits);

}  // namespace saliency_jpeg::codec
