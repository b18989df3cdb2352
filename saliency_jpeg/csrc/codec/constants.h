// Orders and codes that T.81 defines.
#pragma once

#include <array>
#include <cstdint>

#include "codec/limits.h"

namespace saliency_jpeg::codec {

// Natural index of the k-th coefficient in zigzag order: figure A.6.
constexpr std::array<uint8_t, kBlockSize> kZigzag = {0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,   //
                                                     12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,  //
                                                     35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,  //
                                                     58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

constexpr std::array<uint8_t, kBlockSize> invert(const std::array<uint8_t, kBlockSize>& order) {
  std::array<uint8_t, kBlockSize> inverse{};
  for (int k = 0; k < kBlockSize; ++k) inverse[order[k]] = static_cast<uint8_t>(k);
  return inverse;
}

// Position in zigzag order of a coefficient's natural index.
constexpr std::array<uint8_t, kBlockSize> kZigzagPosition = invert(kZigzag);

// Second bytes of markers: table B.1.
enum Marker : uint8_t {
  kTEM = 0x01,
  kSOF0 = 0xC0,  // baseline
  kSOF1 = 0xC1,  // extended sequential
  kSOF2 = 0xC2,  // progressive
  kSOF3 = 0xC3,  // lossless
  kDHT = 0xC4,
  kJPG = 0xC8,  // this and the SOF markers after it: arithmetic coding
  kSOF15 = 0xCF,
  kRST0 = 0xD0,
  kRST7 = 0xD7,
  kSOI = 0xD8,
  kEOI = 0xD9,
  kSOS = 0xDA,
  kDQT = 0xDB,
  kDNL = 0xDC,
  kDRI = 0xDD,
  kDHP = 0xDE,  // hierarchical
  kEXP = 0xDF,  // hierarchical
  kAPP0 = 0xE0,
  kAPP15 = 0xEF,
  kCOM = 0xFE,
};

// Restart markers count from RST0 to RST7 and start again: E.1.4.
constexpr int kRestartMarkers = 8;

// AC symbols have the run of zeros in the high four bits and the category of the level in the low four: F.1.2.2.1.
constexpr int kEob = 0x00;  // end of block, or a run of one block that ends its band: G.1.2.2
constexpr int kZrl = 0xF0;  // sixteen zeros

// Arrays of counts and of costs of AC symbols have an entry for each symbol, and one more for an end of band that is
// the only symbol of its block in the band.
constexpr int kEmptyBand = kMaxSymbols;
constexpr int kAcEntries = kMaxSymbols + 1;
constexpr int kDcEntries = kMaxDcCategory + 1;  // DC symbols are categories

}  // namespace saliency_jpeg::codec
