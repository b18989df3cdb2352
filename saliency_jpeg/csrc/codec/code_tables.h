// Assigns Huffman tables to the scans of a file.  Scans with similar symbols share a table if that saves bits.
#pragma once

#include <array>
#include <vector>

#include "codec/huffman.h"
#include "codec/scans.h"

namespace saliency_jpeg::codec {

enum TableClass { kDc, kAc };  // Tc
constexpr int kTableClasses = 2;

// The symbol counts of one scan, for each code slot.
struct ScanCounts {
  std::array<CountSink, kCodeSlots> dc_sink;
  std::array<CountSink, kCodeSlots> ac_sink;

  CountSink& dc(int slot) { return dc_sink[slot]; }
  CountSink& ac(int slot) { return ac_sink[slot]; }
  void restart() {}
};

ScanCounts count_symbols(const Frame& frame, const std::vector<Masks>& masks, const Scan& scan);

// Returns the bits of the symbols under an optimal code, plus the bits of that code in a DHT segment (T.81 B.2.4.2).
uint64_t coded_bits(const Histogram& histogram);

// The tables of one scan, and the tables that must be defined before it.
struct ScanTables {
  static constexpr int kUnused = -1;
  using Slots = std::array<std::array<int, kCodeSlots>, kTableClasses>;  // [class][slot]

  struct Definition {
    int destination;  // Tc << 4 | Th
    int code;         // index into CodeTables::codes
  };
  std::vector<Definition> definitions;
  Slots code{{{kUnused, kUnused}, {kUnused, kUnused}}};         // index into CodeTables::codes
  Slots destination{{{kUnused, kUnused}, {kUnused, kUnused}}};  // Td and Ta
};

struct CodeTables {
  std::vector<HuffmanCode> codes;
  std::vector<ScanTables> scans;
};

// Assigns codes to all scans.  `destinations` is the number of tables of each class that a decoder holds: 2 in a
// baseline file, else 4 (T.81 table B.5).
CodeTables assign_tables(const std::vector<ScanCounts>& counts, int destinations);

}  // namespace saliency_jpeg::codec
