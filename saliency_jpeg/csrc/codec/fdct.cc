#include "codec/fdct.h"

#include <cstring>

#include "common/simd.h"

namespace saliency_jpeg::codec {
namespace {

// cos(k pi / 16) / 2.  For k = 4 that is sqrt(1/8), the DC basis function too.
constexpr float kC1 = 0.49039264020161522f;
constexpr float kC2 = 0.46193976625564337f;
constexpr float kC3 = 0.41573480615127262f;
constexpr float kC4 = 0.35355339059327379f;
constexpr float kC5 = 0.27778511650980109f;
constexpr float kC6 = 0.19134171618254489f;
constexpr float kC7 = 0.09754516100806413f;

// 8-point DCT of each column, in place.  The compiler turns the loop into vector code over the eight columns.
SJ_INLINE void dct_columns(float (&b)[8][8]) {
  for (int i = 0; i < 8; ++i) {
    const float s0 = b[0][i] + b[7][i], d0 = b[0][i] - b[7][i];
    const float s1 = b[1][i] + b[6][i], d1 = b[1][i] - b[6][i];
    const float s2 = b[2][i] + b[5][i], d2 = b[2][i] - b[5][i];
    const float s3 = b[3][i] + b[4][i], d3 = b[3][i] - b[4][i];
    const float t0 = s0 + s3, t1 = s1 + s2, u0 = s0 - s3, u1 = s1 - s2;
    b[0][i] = (t0 + t1) * kC4;
    b[4][i] = (t0 - t1) * kC4;
    b[2][i] = u0 * kC2 + u1 * kC6;
    b[6][i] = u0 * kC6 - u1 * kC2;
    b[1][i] = (d0 * kC1 + d1 * kC3) + (d2 * kC5 + d3 * kC7);
    b[3][i] = (d0 * kC3 - d1 * kC7) - (d2 * kC1 + d3 * kC5);
    b[5][i] = (d0 * kC5 - d1 * kC1) + (d2 * kC7 + d3 * kC3);
    b[7][i] = (d0 * kC7 - d1 * kC5) + (d2 * kC3 - d3 * kC1);
  }
}

SJ_INLINE void transpose(const float (&from)[8][8], float (&to)[8][8]) {
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x) to[x][y] = from[y][x];
  }
}

}  // namespace

SJ_MULTIVERSION
void forward_dct_row(const float* samples, size_t stride, int count, float* coefficients) {
  for (int i = 0; i < count; ++i) {
    float a[8][8], b[8][8];
    for (int y = 0; y < 8; ++y) std::memcpy(a[y], samples + y * stride + 8 * i, sizeof a[y]);
    dct_columns(a);
    transpose(a, b);
    dct_columns(b);
    transpose(b, a);
    std::memcpy(coefficients + 64 * i, a, sizeof a);
  }
}

}  // namespace saliency_jpeg::codec
