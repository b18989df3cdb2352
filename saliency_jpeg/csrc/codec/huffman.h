// Huffman codes within the limits of T.81.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "codec/limits.h"

namespace saliency_jpeg::codec {

using Histogram = std::array<uint32_t, kMaxSymbols>;
using CodeLengths = std::array<uint8_t, kMaxSymbols>;        // in bits; 0: the symbol has no code
using CodeCounts = std::array<uint8_t, kMaxCodeLength + 1>;  // BITS of T.81 C.1: counts[n] codes of n bits; [0] is 0

// Returns the lengths that minimise sum(histogram * length) under the limits of T.81 C.2: codes have at most 16 bits,
// and none consists of one-bits only.  Symbols with a count of 0 get no code.
CodeLengths optimal_code_lengths(const Histogram& histogram);

// Returns the sum of histogram * length for these lengths.
uint64_t optimal_code_bits(const Histogram& histogram);

struct HuffmanCode {
  std::array<uint16_t, kMaxSymbols> code{};
  CodeLengths length{};
  CodeCounts counts{};
  std::vector<uint8_t> symbols;  // HUFFVAL: symbols in the order of their codes

  explicit HuffmanCode(const CodeLengths& lengths);

  // Returns the table as a DHT segment has it, without its Tc Th byte (T.81 B.2.4.2).
  std::string table_bytes() const;
};

}  // namespace saliency_jpeg::codec
