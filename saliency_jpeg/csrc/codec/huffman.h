// Huffman codes as T.81 limits them: 16 bits at most, no code of ones only.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace jpegcore {

using Histogram = std::array<uint32_t, 256>;
using CodeLengths = std::array<uint8_t, 256>;  // 0: the symbol has no code

// The lengths that minimise sum(histogram * length) under T.81's limits (C.2: at most 16 bits, the all-ones code is
// never used).  Symbols that do not occur get no code.
CodeLengths optimal_code_lengths(const Histogram& histogram);

struct HuffmanCode {
  std::array<uint16_t, 256> code{};
  CodeLengths length{};
  std::array<uint8_t, 17> counts{};  // BITS of T.81 C.1: counts[n] codes of n bits
  std::vector<uint8_t> symbols;      // HUFFVAL: symbols by increasing code

  explicit HuffmanCode(const CodeLengths& lengths);

  // The body of one DHT table without its Tc/Th byte (T.81 B.2.4.2).
  std::string table_bytes() const;
};

}  // namespace jpegcore
