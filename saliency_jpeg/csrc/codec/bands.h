// Spectral selection: the ways in which the AC coefficients of a component are divided into scans (T.81 G.1.1.1.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "codec/types.h"

namespace jpegcore {

// SOS: marker, length, Ns, two bytes a component, Ss, Se, Ah Al (T.81 B.2.3).
constexpr uint64_t scan_header_bits(size_t components) { return 8 * (8 + 2 * components); }

// Low frequencies have codes of their own and long runs of blocks end in high ones. Which division is best depends on
// the picture and the rate; those here came first on photographs of all kinds.
inline const std::vector<std::vector<Band>>& spectral_divisions() {
  static const std::vector<std::vector<Band>> kDivisions{
      {{1, 63}},
      {{1, 2}, {3, 63}},
      {{1, 5}, {6, 63}},
      {{1, 9}, {10, 63}},
      {{1, 1}, {2, 3}, {4, 63}},
      {{1, 2}, {3, 8}, {9, 63}},
      {{1, 3}, {4, 12}, {13, 63}},
      {{1, 5}, {6, 20}, {21, 63}},
      {{1, 2}, {3, 5}, {6, 14}, {15, 63}},
  };
  return kDivisions;
}

}  // namespace jpegcore
