// Which Huffman tables a file carries: scans whose symbols are alike share one where that is shorter.
#pragma once

#include <array>
#include <vector>

#include "codec/huffman.h"
#include "codec/scans.h"

namespace jpegcore {

// The symbol counts of one scan: DC and AC, for the first component's table and the others'.
struct ScanCounts {
  std::array<CountSink, 2> dc_sink;
  std::array<CountSink, 2> ac_sink;

  CountSink& dc(int slot) { return dc_sink[slot]; }
  CountSink& ac(int slot) { return ac_sink[slot]; }
  void restart() {}
};

ScanCounts count_symbols(const Frame& frame, const std::vector<Masks>& masks, const Scan& scan);

// Bits of the coded symbols and of the DHT table that describes their code (T.81 B.2.4.2).
uint64_t coded_bits(const Histogram& histogram);

// Where the tables of one scan stand, and which of them must be defined before it.
struct ScanTables {
  static constexpr int kUnused = -1;

  struct Definition {
    int destination;  // Tc << 4 | Th
    int code;         // index into CodeTables::codes
  };
  std::vector<Definition> definitions;
  std::array<std::array<int, 2>, 2> code{{{kUnused, kUnused}, {kUnused, kUnused}}};         // [class][first / others]
  std::array<std::array<int, 2>, 2> destination{{{kUnused, kUnused}, {kUnused, kUnused}}};  // Td and Ta
};

struct CodeTables {
  std::vector<HuffmanCode> codes;
  std::vector<ScanTables> scans;
};

// Assigns codes to all scans; `destinations` is 2 in a baseline file and 4 in a progressive one (T.81 B.2.4.2).
CodeTables assign_tables(const std::vector<ScanCounts>& counts, int destinations);

}  // namespace jpegcore
