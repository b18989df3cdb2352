// Huffman codes as a DHT segment gives them, ready for decoding.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "codec/bit_reader.h"
#include "codec/constants.h"

namespace jpegcore {

class HuffmanDecoder {
 public:
  HuffmanDecoder() = default;

  // counts[n]: codes of n bits, n = 1..16; symbols by increasing code (T.81 B.2.4.2).  The counts must not ask for more
  // codes than there are: see fits().
  HuffmanDecoder(const std::array<uint8_t, 17>& counts, std::vector<uint8_t> symbols);

  static bool fits(const std::array<uint8_t, 17>& counts);

  bool defined() const { return !symbols_.empty(); }

  int decode(BitReader& bits) const {
    const uint32_t next = bits.peek16();
    const Entry entry = short_codes_[next >> (16 - kShort)];
    if (entry.length > 0) {
      bits.skip(entry.length);
      return entry.symbol;
    }
    return decode_long(next, bits);
  }

 private:
  static constexpr int kShort = 9;  // codes up to this length take one look-up
  struct Entry {
    uint8_t length = 0;  // 0: a longer code, or none
    uint8_t symbol = 0;
  };

  int decode_long(uint32_t next, BitReader& bits) const;

  std::vector<uint8_t> symbols_;
  std::array<Entry, 1 << kShort> short_codes_{};
  std::array<uint32_t, 17> end_{};    // codes of n bits lie below end_[n] ...
  std::array<uint32_t, 17> first_{};  // ... and the first of them belongs to symbols_[index_[n]]
  std::array<uint32_t, 17> index_{};
};

}  // namespace jpegcore
