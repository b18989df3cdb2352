// How far coefficients lie from the levels that they became.
#pragma once

#include <array>
#include <cstdint>

#include "codec/types.h"

namespace saliency_jpeg::codec {

constexpr int kOffsetsPerStep = 64;
constexpr int kOffsetBins = 256;  // the last one takes all that is farther

// Counts by kind.  Bin i counts the offsets above (i - 1) / 64 step, up to i / 64 step.
struct OffsetHistograms {
  using Bins = std::array<uint64_t, kOffsetBins>;
  Bins zero{};   // |coefficient| where an AC level is 0
  Bins below{};  // how far |coefficient| lies below |level| elsewhere, in the direction of the level; else bin 0
  Bins above{};  // how far above; else bin 0
  Bins dc{};     // |coefficient - level| of DC
};

// Counts the AC coefficients and DC of a component, in units of their steps.
OffsetHistograms offset_histograms(const CoefficientView& coefficients, const LevelView& levels, const uint16_t* table);

}  // namespace saliency_jpeg::codec
