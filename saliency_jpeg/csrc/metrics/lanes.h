// Eight floats, on the vector extension of GCC and Clang; runs on any CPU.  lanes_avx2.h has the same interface for
// AVX2.
//
// `fma` rounds once.  On CPUs without that instruction it computes in double precision: the product is exact, and the
// second rounding changes about one result in 5e8.  Do not write it as a loop over float[8]: at -O3, the SLP vectorizer
// of GCC 12 drops roundings from such a loop.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/simd.h"

namespace saliency_jpeg::metrics {

constexpr int kLanes = 8;

struct PortableLanes {
  typedef float Half __attribute__((vector_size(16)));
  Half v[2];

  SJ_INLINE static PortableLanes load(const float* from) {
    PortableLanes a;
    std::memcpy(a.v, from, sizeof(a.v));
    return a;
  }
  SJ_INLINE static PortableLanes set(float x) { return {{Half{x, x, x, x}, Half{x, x, x, x}}}; }
  SJ_INLINE void store(float* to) const { std::memcpy(to, v, sizeof(v)); }
};

SJ_INLINE PortableLanes operator+(PortableLanes a, PortableLanes b) { return {{a.v[0] + b.v[0], a.v[1] + b.v[1]}}; }
SJ_INLINE PortableLanes operator-(PortableLanes a, PortableLanes b) { return {{a.v[0] - b.v[0], a.v[1] - b.v[1]}}; }
SJ_INLINE PortableLanes operator*(PortableLanes a, PortableLanes b) { return {{a.v[0] * b.v[0], a.v[1] * b.v[1]}}; }
SJ_INLINE PortableLanes operator/(PortableLanes a, PortableLanes b) { return {{a.v[0] / b.v[0], a.v[1] / b.v[1]}}; }

SJ_INLINE PortableLanes::Half fused(PortableLanes::Half a, PortableLanes::Half b, PortableLanes::Half c) {
#if defined(__FMA__) || defined(__aarch64__) || defined(__ARM_FEATURE_FMA)
  for (int i = 0; i < kLanes / 2; ++i) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return c;
#else
  typedef double Wide __attribute__((vector_size(32)));
  const Wide sum =
      __builtin_convertvector(a, Wide) * __builtin_convertvector(b, Wide) + __builtin_convertvector(c, Wide);
  return __builtin_convertvector(sum, PortableLanes::Half);
#endif
}

// a * b + c
SJ_INLINE PortableLanes fma(PortableLanes a, PortableLanes b, PortableLanes c) {
  return {{fused(a.v[0], b.v[0], c.v[0]), fused(a.v[1], b.v[1], c.v[1])}};
}
// a * b - c
SJ_INLINE PortableLanes fms(PortableLanes a, PortableLanes b, PortableLanes c) {
  return {{fused(a.v[0], b.v[0], -c.v[0]), fused(a.v[1], b.v[1], -c.v[1])}};
}
// c - a * b
SJ_INLINE PortableLanes fnma(PortableLanes a, PortableLanes b, PortableLanes c) {
  return {{fused(-a.v[0], b.v[0], c.v[0]), fused(-a.v[1], b.v[1], c.v[1])}};
}

SJ_INLINE PortableLanes positive_part(PortableLanes a) {
  const PortableLanes::Half zero = {};
  return {{a.v[0] > zero ? a.v[0] : zero, a.v[1] > zero ? a.v[1] : zero}};
}

SJ_INLINE PortableLanes absolute(PortableLanes a) {
  const PortableLanes::Half zero = {};
  return {{a.v[0] < zero ? -a.v[0] : a.v[0], a.v[1] < zero ? -a.v[1] : a.v[1]}};
}

// Estimates x^(-1/3) for positive x from the exponent alone: subtracts a third of the exponent from that of about
// 2^(4/3 * 127), both in the binary representation of a float.
constexpr int32_t kGuessOrigin = 0x54800000, kGuessStep = 0x002AAAAA;

SJ_INLINE PortableLanes guess_inverse_cube_root(PortableLanes a) {
  typedef int32_t Bits __attribute__((vector_size(16)));
  for (PortableLanes::Half& half : a.v) {
    Bits bits;
    std::memcpy(&bits, &half, sizeof(bits));
    bits = kGuessOrigin - (bits >> 23) * kGuessStep;
    std::memcpy(&half, &bits, sizeof(bits));
  }
  return a;
}

SJ_INLINE void transpose(PortableLanes* rows) {
  for (int i = 0; i < kLanes; ++i) {
    for (int j = 0; j < i; ++j) {
      const float t = rows[i].v[j / 4][j % 4];
      rows[i].v[j / 4][j % 4] = rows[j].v[i / 4][i % 4];
      rows[j].v[i / 4][i % 4] = t;
    }
  }
}

}  // namespace saliency_jpeg::metrics
