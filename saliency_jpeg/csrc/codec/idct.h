// The 8x8 inverse DCT of T.81 A.3.3 in float, for the blocks that the encoder has to decode.
#pragma once

#include <algorithm>

#include "codec/fdct.h"
#include "common/simd.h"

namespace saliency_jpeg::codec {

// The orthonormal basis functions of the 8-point DCT: at[frequency][position].  They are derived from the forward DCT.
struct Basis {
  float at[8][8];

  Basis() {
    for (int u = 0; u < 8; ++u) {
      float unit[64] = {};
      for (int x = 0; x < 8; ++x) {
        float coefficients[64];
        unit[x] = 1;
        forward_dct_row(unit, 8, 1, coefficients);
        unit[x] = 0;
        at[u][x] = coefficients[u] * 2.8284271247461903f;  // sqrt(8), for the vertical DC basis
      }
    }
  }
};

// samples = transpose(basis) * coefficients * basis; 64 coefficients and samples, natural order.  The coefficients from
// row `height` on are zero.
SJ_INLINE void inverse_dct(const Basis& basis, const float* coefficients, float* samples, int height = 8) {
  float rows[8][8] = {};
  for (int u = 0; u < height; ++u) {
    for (int y = 0; y < 8; ++y) {
      for (int v = 0; v < 8; ++v) rows[y][v] += basis.at[u][y] * coefficients[8 * u + v];
    }
  }
  for (int y = 0; y < 8; ++y) {
    float line[8] = {};
    for (int v = 0; v < 8; ++v) {
      for (int x = 0; x < 8; ++x) line[x] += basis.at[v][x] * rows[y][v];
    }
    std::copy_n(line, 8, samples + 8 * y);
  }
}

// The same for a block with DC alone, to the last bit.
SJ_INLINE float inverse_dc(const Basis& basis, float dc) { return basis.at[0][0] * (basis.at[0][0] * dc); }

}  // namespace saliency_jpeg::codec
