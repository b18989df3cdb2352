// Eight floats in an AVX2 register, with fused multiply-add.  Any file may include this header.  Its functions may be
// called only from SJ_TARGET_AVX2 functions.
#pragma once

#include <immintrin.h>

#include "metrics/lanes.h"

namespace saliency_jpeg::metrics {

struct Avx2Lanes {
  __m256 v;

  SJ_TARGET_AVX2 SJ_INLINE static Avx2Lanes load(const float* from) { return {_mm256_loadu_ps(from)}; }
  SJ_TARGET_AVX2 SJ_INLINE static Avx2Lanes set(float value) { return {_mm256_set1_ps(value)}; }
  SJ_TARGET_AVX2 SJ_INLINE void store(float* to) const { _mm256_storeu_ps(to, v); }
};

SJ_TARGET_AVX2 SJ_INLINE Avx2Lanes operator+(Avx2Lanes a, Avx2Lanes b) { return {_mm256_add_ps(a.v, b.v)}; }
SJ_TARGET_AVX2 SJ_INLINE Avx2Lanes operator-(Avx2Lanes a, Avx2Lanes b) { return {_mm256_sub_ps(a.v, b.v)}; }
SJ_TARGET_AVX2 SJ_INLINE Avx2Lanes operator*(Avx2Lanes a, Avx2Lanes b) { return {_mm256_mul_ps(a.v, b.v)}; }
SJ_TARGET_AVX2 SJ_INLINE Avx2Lanes operator/(Avx2Lanes a, Avx2Lanes b) { return {_mm256_div_ps(a.v, b.v)}; }
SJ_TARGET_AVX2 SJ_INLINE Avx2Lanes fma(Avx2Lanes a, Avx2Lanes b, Avx2Lanes c) {
  return {_mm256_fmadd_ps(a.v, b.v, c.v)};
}
SJ_TARGET_AVX2 SJ_INLINE Avx2Lanes fms(Avx2Lanes a, Avx2Lanes b, Avx2Lanes c) {
  return {_mm256_fmsub_ps(a.v, b.v, c.v)};
}
SJ_TARGET_AVX2 SJ_INLINE Avx2Lanes fnma(Avx2Lanes a, Avx2Lanes b, Avx2Lanes c) {
  return {_mm256_fnmadd_ps(a.v, b.v, c.v)};
}
SJ_TARGET_AVX2 SJ_INLINE Avx2Lanes positive_part(Avx2Lanes a) { return {_mm256_max_ps(a.v, _mm256_setzero_ps())}; }
SJ_TARGET_AVX2 SJ_INLINE Avx2Lanes absolute(Avx2Lanes a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)}; }

SJ_TARGET_AVX2 SJ_INLINE Avx2Lanes guess_inverse_cube_root(Avx2Lanes a) {
  const __m256i exponent = _mm256_srli_epi32(_mm256_castps_si256(a.v), 23);
  const __m256i third = _mm256_mullo_epi32(exponent, _mm256_set1_epi32(kGuessStep));
  return {_mm256_castsi256_ps(_mm256_sub_epi32(_mm256_set1_epi32(kGuessOrigin), third))};
}

SJ_TARGET_AVX2 SJ_INLINE void transpose(Avx2Lanes* rows) {
  __m256 pairs[kLanes], quads[kLanes];
  for (int i = 0; i < kLanes; i += 2) {
    pairs[i] = _mm256_unpacklo_ps(rows[i].v, rows[i + 1].v);
    pairs[i + 1] = _mm256_unpackhi_ps(rows[i].v, rows[i + 1].v);
  }
  for (int i = 0; i < kLanes; i += 4) {
    quads[i] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
    quads[i + 1] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0xEE);
    quads[i + 2] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
    quads[i + 3] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xEE);
  }
  for (int i = 0; i < 4; ++i) {
    rows[i].v = _mm256_permute2f128_ps(quads[i], quads[i + 4], 0x20);
    rows[i + 4].v = _mm256_permute2f128_ps(quads[i], quads[i + 4], 0x31);
  }
}

}  // namespace saliency_jpeg::metrics
