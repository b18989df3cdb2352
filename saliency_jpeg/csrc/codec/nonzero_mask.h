// Which levels of a block are not zero.
#pragma once

#include <array>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "codec/constants.h"
#include "codec/types.h"
#include "common/simd.h"

namespace saliency_jpeg::codec {

// For each row of a block and each set of its nonzero levels (bit x for column x), the mask in zigzag order.
using ZigzagMasks = std::array<std::array<uint64_t, 256>, 8>;

constexpr ZigzagMasks make_zigzag_masks() {
  ZigzagMasks masks{};
  for (int y = 0; y < 8; ++y) {
    for (int set = 0; set < 256; ++set) {
      for (int x = 0; x < 8; ++x) {
        if ((set >> x & 1) != 0) masks[y][set] |= uint64_t{1} << kZigzagPosition[8 * y + x];
      }
    }
  }
  return masks;
}

inline constexpr ZigzagMasks kZigzagMasks = make_zigzag_masks();

// Returns the nonzero levels of two rows: bit x for column x of the first, bit 8 + x for the second.
SJ_INLINE uint32_t nonzero_in_rows(const int16_t* levels) {
#if defined(__SSE2__)
  const __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(levels));
  const __m128i second = _mm_loadu_si128(reinterpret_cast<const __m128i*>(levels + 8));
  const __m128i bytes = _mm_packs_epi16(first, second);  // saturation keeps what is not zero
  return static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128()))) ^ 0xFFFF;
#else
  uint32_t set = 0;
  for (int i = 0; i < 16; ++i) set |= static_cast<uint32_t>(levels[i] != 0) << i;
  return set;
#endif
}

// Returns a mask whose bit k is set if the k-th level in zigzag order is nonzero.
SJ_INLINE uint64_t nonzero_mask(const int16_t* levels) {
  uint64_t mask = 0;
  for (int y = 0; y < 8; y += 2) {
    const uint32_t rows = nonzero_in_rows(levels + 8 * y);
    mask |= kZigzagMasks[y][rows & 0xFF] | kZigzagMasks[y + 1][rows >> 8];
  }
  return mask;
}

}  // namespace saliency_jpeg::codec
