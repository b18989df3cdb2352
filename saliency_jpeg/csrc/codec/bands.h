// Spectral selection: how the AC coefficients of a component may be divided into scans (T.81 G.1.1.1.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "codec/types.h"

namespace saliency_jpeg::codec {

// A division of the AC coefficients into bands, each sent in a scan of its own.
using Division = std::vector<Band>;

// Bits of an SOS segment with its marker: FF DA | length (2) | Ns | 2 bytes a component | Ss | Se | Ah Al (T.81 B.2.3).
constexpr uint64_t scan_header_bits(size_t components) { return 8 * (8 + 2 * components); }

// Returns the divisions that the encoder tries.  A band of low frequencies gets its own Huffman code, and high
// frequencies get long end-of-band runs.  The best division depends on the image and the quality.  Of many divisions
// that were tried on photographs of many kinds, these won most often.
inline const std::vector<Division>& spectral_divisions() {
  static const std::vector<Division> kDivisions{
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

}  // namespace saliency_jpeg::codec
