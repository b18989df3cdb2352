// Decodes Huffman codes.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "codec/bit_reader.h"
#include "codec/huffman.h"

namespace saliency_jpeg::codec {

class HuffmanDecoder {
 public:
  HuffmanDecoder() = default;

  // Takes a table of a DHT segment: symbols in the order of their codes (T.81 B.2.4.2).  fits(counts) must be true.
  HuffmanDecoder(const CodeCounts& counts, std::vector<uint8_t> symbols);

  // Returns true if a code with these counts exists.
  static bool fits(const CodeCounts& counts);

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
    uint8_t length = 0;  // 0: no code of at most kShort bits
    uint8_t symbol = 0;
  };

  int decode_long(uint32_t next, BitReader& bits) const;

  std::vector<uint8_t> symbols_;
  std::array<Entry, 1 << kShort> short_codes_{};
  // For codes of n bits: the first one, its index into symbols_, and the end (exclusive) of the codes.
  std::array<uint32_t, kMaxCodeLength + 1> first_{}, index_{}, end_{};
};

}  // namespace saliency_jpeg::codec
