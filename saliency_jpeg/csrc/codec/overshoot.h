// Less ringing where a picture is white or black: decoders clip, so samples beyond the end of the range are free.
#pragma once

#include <cstdint>
#include <vector>

#include "codec/types.h"

namespace jpegcore {

// Indices of the blocks that have samples at 0 or 255, and others too.
std::vector<uint32_t> clipped_blocks(const CoefficientView& coefficients);

// Writes the coefficients of these blocks to `out` with those samples moved beyond the end of the range, to where the
// block is nearest to one that `table` represents: the undershoot and overshoot of a coarse edge come for nothing.
// All other blocks of `out` are left alone. `blocks` must lie inside.
void overshoot(const CoefficientView& coefficients, const uint16_t* table, const std::vector<uint32_t>& blocks,
               const BlockView<float>& out);

}  // namespace jpegcore
