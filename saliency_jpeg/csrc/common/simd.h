// Attributes for functions that exist in several versions, one for each instruction set.
//
// Output must not depend on the CPU.  setup.py forbids fused multiply-add and reassociation, so all versions of a
// function return the same bits.  Two attributes make versions:
//
//   SJ_MULTIVERSION   For plain loops.  The compiler adds a copy for AVX2, and the loader picks the copy that the CPU
//                     can run.
//   SJ_TARGET_AVX2    For code that needs fused multiply-add by definition, or intrinsics.  The caller picks the
//                     version: call it only if cpu_has_avx2_and_fma() returns true.
//
// Mark helpers of such functions SJ_INLINE: inlined code takes the instruction set of its caller.
#pragma once

#define SJ_INLINE inline __attribute__((always_inline))

#if defined(__x86_64__) && defined(__GNUC__)
#define SJ_HAS_AVX2 1
#define SJ_TARGET_AVX2 __attribute__((target("avx2,fma")))
#else
#define SJ_HAS_AVX2 0
#endif

// These copies need GCC and the loader of Linux.  The loader picks them before a sanitizer is ready, so SJ_SANITIZED
// turns them off.
#if SJ_HAS_AVX2 && defined(__linux__) && !defined(__clang__) && !defined(SJ_SANITIZED)
#define SJ_MULTIVERSION __attribute__((target_clones("avx2", "default")))
#else
#define SJ_MULTIVERSION
#endif

// Before a loop: its steps do not depend on each other, though the compiler cannot know that no two pointers overlap.
#if defined(__clang__)
#define SJ_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define SJ_INDEPENDENT _Pragma("GCC ivdep")
#else
#define SJ_INDEPENDENT
#endif

namespace saliency_jpeg {

inline bool cpu_has_avx2_and_fma() {
#if SJ_HAS_AVX2
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

}  // namespace saliency_jpeg
