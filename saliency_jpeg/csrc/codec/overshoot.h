// Reduces ringing at edges of white and black areas.  Decoders clip samples, so samples that are white or black in the
// original may decode to anything beyond the end of the range.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "codec/types.h"

namespace saliency_jpeg::codec {

// Returns the indices of the blocks with white or black samples, except blocks that are all white or all black.
std::vector<uint32_t> clipped_blocks(const CoefficientView& coefficients);

// For each of `blocks`, writes new coefficients to `out`: white and black samples move beyond the end of the range, to
// values that suit the steps of `table`; all other samples keep their values.  Leaves the other blocks of `out`
// unchanged.  Indices in `blocks` must be less than coefficients.count().
void overshoot(const CoefficientView& coefficients, const uint16_t* table, const std::vector<uint32_t>& blocks,
               const BlockView<float>& out);

// Does the same for a row of `count` blocks whose original samples are at hand, for those that clipped_blocks() names.
// Block i has the samples samples[y * stride + 8 * i + x], less 128, and the coefficients from 64 * i on, which change.
void overshoot_row(const float* samples, size_t stride, int count, const uint16_t* table, float* coefficients);

}  // namespace saliency_jpeg::codec
