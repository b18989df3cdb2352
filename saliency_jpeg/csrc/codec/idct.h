// The 8x8 inverse DCT of T.81 A.3.3 in float, for the few blocks whose samples the encoder has to know.
#pragma once

#include <algorithm>

#include "codec/fdct.h"

namespace jpegcore {

// [frequency][position], orthonormal: the rows of the DCT.
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
        at[u][x] = coefficients[u] * 2.8284271247461903f;  // the vertical DC basis of the one row that is set
      }
    }
  }
};

// samples = basis^T coefficients basis.
inline __attribute__((always_inline)) void inverse_dct(const Basis& basis, const float* coefficients, float* samples) {
  float rows[8][8] = {};
  for (int u = 0; u < 8; ++u) {
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

}  // namespace jpegcore
