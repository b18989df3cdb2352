// Orders and names that T.81 fixes.
#pragma once

#include <array>
#include <cstdint>

namespace jpegcore {

// T.81 figure A.6: natural index of the k-th coefficient in zigzag order.
constexpr std::array<uint8_t, 64> kZigzag = {0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
                                             12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
                                             35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
                                             58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

constexpr std::array<uint8_t, 64> invert(const std::array<uint8_t, 64>& order) {
  std::array<uint8_t, 64> inverse{};
  for (int k = 0; k < 64; ++k) inverse[order[k]] = static_cast<uint8_t>(k);
  return inverse;
}
constexpr std::array<uint8_t, 64> kZigzagPosition = invert(kZigzag);

// Marker codes, T.81 table B.1 (second byte).
enum Marker : uint8_t {
  kSOF0 = 0xC0,
  kSOF1 = 0xC1,
  kSOF2 = 0xC2,
  kDHT = 0xC4,
  kRST0 = 0xD0,
  kSOI = 0xD8,
  kEOI = 0xD9,
  kSOS = 0xDA,
  kDQT = 0xDB,
  kDRI = 0xDD,
  kAPP0 = 0xE0,
  kAPP15 = 0xEF,
  kCOM = 0xFE,
};

// Run/size symbols of T.81 F.1.2.2.1 and G.1.2.2.
constexpr int kEob = 0x00;
constexpr int kZrl = 0xF0;
constexpr int kMaxEobRun = 0x7FFF;
constexpr int kMaxCodeLength = 16;

}  // namespace jpegcore
