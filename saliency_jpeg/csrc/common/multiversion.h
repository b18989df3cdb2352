// Run-time dispatch to wider vectors.  No fused multiply-add and no reassociation is allowed (see setup.py), so every
// version of a function computes the same bits.
#pragma once

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(JPEGCORE_SANITIZED)
#define JPEGCORE_MULTIVERSION __attribute__((target_clones("avx2", "default")))
#else
#define JPEGCORE_MULTIVERSION
#endif
