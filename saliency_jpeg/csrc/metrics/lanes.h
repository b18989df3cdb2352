// Eight floats side by side on the vector extension of GCC and Clang, for any CPU. lanes_avx2.h has the same interface
// on AVX2 registers.
//
// `fma` rounds once. Without the instruction it goes through double, where the product is exact and the second
// rounding differs from a true fused operation about once in half a billion times. (Plain loops over float[8] would do
// too, but GCC 12's SLP vectorizer drops roundings from them at -O3.)
#ifndef SALIENCY_JPEG_METRICS_LANES_H_
#define SALIENCY_JPEG_METRICS_LANES_H_

#include <cstdint>
#include <cstring>

#define SJ_PORTABLE __attribute__((always_inline)) inline

namespace saliency_jpeg::metrics {

constexpr int kLanes = 8;

struct PortableLanes {
  typedef float Half __attribute__((vector_size(16)));
  Half v[2];

  SJ_PORTABLE static PortableLanes load(const float* from) {
    PortableLanes a;
    std::memcpy(a.v, from, sizeof(a.v));
    return a;
  }
  SJ_PORTABLE static PortableLanes set(float x) { return {{Half{x, x, x, x}, Half{x, x, x, x}}}; }
  SJ_PORTABLE void store(float* to) const { std::memcpy(to, v, sizeof(v)); }
};

SJ_PORTABLE PortableLanes operator+(PortableLanes a, PortableLanes b) { return {{a.v[0] + b.v[0], a.v[1] + b.v[1]}}; }
SJ_PORTABLE PortableLanes operator-(PortableLanes a, PortableLanes b) { return {{a.v[0] - b.v[0], a.v[1] - b.v[1]}}; }
SJ_PORTABLE PortableLanes operator*(PortableLanes a, PortableLanes b) { return {{a.v[0] * b.v[0], a.v[1] * b.v[1]}}; }
SJ_PORTABLE PortableLanes operator/(PortableLanes a, PortableLanes b) { return {{a.v[0] / b.v[0], a.v[1] / b.v[1]}}; }

SJ_PORTABLE PortableLanes::Half fused(PortableLanes::Half a, PortableLanes::Half b, PortableLanes::Half c) {
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
SJ_PORTABLE PortableLanes fma(PortableLanes a, PortableLanes b, PortableLanes c) {
  return {{fused(a.v[0], b.v[0], c.v[0]), fused(a.v[1], b.v[1], c.v[1])}};
}
// a * b - c
SJ_PORTABLE PortableLanes fms(PortableLanes a, PortableLanes b, PortableLanes c) {
  return {{fused(a.v[0], b.v[0], -c.v[0]), fused(a.v[1], b.v[1], -c.v[1])}};
}
// c - a * b
SJ_PORTABLE PortableLanes fnma(PortableLanes a, PortableLanes b, PortableLanes c) {
  return {{fused(-a.v[0], b.v[0], c.v[0]), fused(-a.v[1], b.v[1], c.v[1])}};
}

SJ_PORTABLE PortableLanes positive_part(PortableLanes a) {
  const PortableLanes::Half zero = {};
  return {{a.v[0] > zero ? a.v[0] : zero, a.v[1] > zero ? a.v[1] : zero}};
}

SJ_PORTABLE PortableLanes absolute(PortableLanes a) {
  const PortableLanes::Half zero = {};
  return {{a.v[0] < zero ? -a.v[0] : a.v[0], a.v[1] < zero ? -a.v[1] : a.v[1]}};
}

// A rough x^(-1/3) for positive x, from the exponent alone: takes a third of it, in the float's own bits, from that of
// 2^(4/3 * 127) or so.
constexpr std::int32_t kGuessOrigin = 0x54800000, kGuessStep = 0x002AAAAA;

SJ_PORTABLE PortableLanes guess_inverse_cube_root(PortableLanes a) {
  typedef std::int32_t Bits __attribute__((vector_size(16)));
  for (PortableLanes::Half& half : a.v) {
    Bits bits;
    std::memcpy(&bits, &half, sizeof(bits));
    bits = kGuessOrigin - (bits >> 23) * kGuessStep;
    std::memcpy(&half, &bits, sizeof(bits));
  }
  return a;
}

SJ_PORTABLE void transpose(PortableLanes* rows) {
  for (int i = 0; i < kLanes; ++i) {
    for (int j = 0; j < i; ++j) {
      const float t = rows[i].v[j / 4][j % 4];
      rows[i].v[j / 4][j % 4] = rows[j].v[i / 4][i % 4];
      rows[j].v[i / 4][i % 4] = t;
    }
  }
}

}  // namespace saliency_jpeg::metrics

#endif  // SALIENCY_JPEG_METRICS_LANES_H_
