// What levels would cost: counts of their symbols, and bits of each block under given prices.
#pragma once

#include <array>
#include <cstdint>

#include "types.h"

namespace jpegcore {

// Counts of the run/size symbols of a sequential scan (T.81 F.1.2.2).  An end of block that is its block's only symbol
// is counted in [256] and not in [0].
using AcHistogram = std::array<uint32_t, 257>;
AcHistogram ac_histogram(const LevelView& levels);

// bits[i] = AC bits of block i when symbol s costs prices[s], its raw bits included; (257,) as in AcHistogram.
void block_bits(const LevelView& levels, const float* prices, float* bits);

}  // namespace jpegcore
