// Levels to samples: dequantization and the inverse DCT, T.81 A.3.3 and A.3.4, in float.
#pragma once

#include <cstdint>

#include "codec/types.h"

namespace saliency_jpeg::codec {

constexpr float kLevelShift = 128.0f;  // T.81 A.3.1, for 8-bit samples

// Half-widths of the intervals around the levels, in steps: in which the coefficients of the original can have been.
// `below` is towards 0 and `above` away from 0, for levels other than 0.
struct Bounds {
  float zero = 0;
  float below = 0;
  float above = 0;
  float dc = 0;
};

// Decodes the blocks of a component to samples, 8 * cols in a row, plus `shift`.
void decode_blocks(const LevelView& levels, const uint16_t* table, float shift, float* samples);

// Limits samples to the range 0..255.
void clip_samples(float* samples, size_t count);

// Adds `correction`, which has the shape of the samples, and decodes: samples plus 128.  Each coefficient of the
// correction is limited to the interval of its level.
void correct_samples(const LevelView& levels, const uint16_t* table, const float* correction, const Bounds& bounds,
                     float* samples);

}  // namespace saliency_jpeg::codec
