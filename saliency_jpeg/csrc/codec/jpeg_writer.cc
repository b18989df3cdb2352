#include "codec/jpeg_writer.h"

#include <algorithm>

#include "codec/bit_writer.h"
#include "codec/code_tables.h"
#include "codec/constants.h"
#include "codec/huffman.h"
#include "codec/progression.h"
#include "codec/scans.h"
#include "codec/script_choice.h"
#include "common/parallel.h"
#include "common/require.h"

namespace saliency_jpeg::codec {
namespace {

// ---- entropy-coded data --------------------------------------------------------------------------------------------

// Writes the codes of the symbols of one scan.
class TokenWriter {
 public:
  TokenWriter(std::string& out, const CodeTables& tables, const ScanTables& scan) : out_(out), bits_(out) {
    for (int table_class : {kDc, kAc}) {
      for (int slot = 0; slot < kCodeSlots; ++slot) {
        const int index = scan.code[table_class][slot];
        codes_[table_class][slot] = index == ScanTables::kUnused ? nullptr : &tables.codes[index];
      }
    }
  }

  void write(const Tokens& tokens) {
    for (Token token : tokens) {
      if (token.has_symbol()) {
        const HuffmanCode& code = *codes_[token.table_class()][token.slot()];
        const int s = token.symbol(), count = token.count();
        bits_.put(static_cast<uint32_t>(code.code[s]) << count | token.bits(), code.length[s] + count);
      } else if (token.is_restart()) {
        restart();
      } else {
        bits_.put(token.bits(), token.count());
      }
    }
    bits_.align();
  }

 private:
  // T.81 E.1.4: RST0 to RST7 in turn.
  void restart() {
    bits_.align();
    out_.push_back(static_cast<char>(0xFF));
    out_.push_back(static_cast<char>(kRST0 + restarts_));
    restarts_ = (restarts_ + 1) % kRestartMarkers;
  }

  std::string& out_;
  BitWriter bits_;
  const HuffmanCode* codes_[kTableClasses][kCodeSlots] = {};
  int restarts_ = 0;
};

// ---- marker segments -----------------------------------------------------------------------------------------------

void put_byte(std::string& out, int value) { out.push_back(static_cast<char>(value)); }

void put_word(std::string& out, int value) {
  put_byte(out, value >> 8);
  put_byte(out, value & 0xFF);
}

void put_nibbles(std::string& out, int high, int low) { put_byte(out, high << 4 | low); }

void put_marker(std::string& out, int marker) {
  put_byte(out, 0xFF);
  put_byte(out, marker);
}

//   FF marker | length (2 bytes, counts itself) | payload          B.1.1.4
void put_segment(std::string& out, int marker, const std::string& payload) {
  require_in(static_cast<long>(payload.size()), 0, kMaxPayload, "the number of bytes in a segment");
  put_marker(out, marker);
  put_word(out, static_cast<int>(payload.size()) + 2);
  out += payload;
}

bool is_wide(const QuantTable& table) { return *std::max_element(table.begin(), table.end()) > kMaxNarrowStep; }

//   DQT, B.2.4.1:   ( Pq Tq | 64 steps of Pq + 1 bytes, zigzag order ) for each table
//
// B.2.4.1 requires Pq = 0 for 8-bit samples.  Other encoders write wide steps with 8-bit samples, and decoders read
// them.
void put_quant_tables(std::string& out, const Frame& frame) {
  std::string payload;
  for (size_t t = 0; t < frame.tables.size(); ++t) {
    const bool wide = is_wide(frame.tables[t]);
    put_nibbles(payload, wide ? 1 : 0, static_cast<int>(t));
    for (uint8_t natural : kZigzag) {
      const int step = frame.tables[t][natural];
      wide ? put_word(payload, step) : put_byte(payload, step);
    }
  }
  put_segment(out, kDQT, payload);
}

//   SOF0, SOF1, SOF2, B.2.2:   P | Y (2) | X (2) | Nf | ( C | H V | Tq ) for each of Nf components
void put_frame_header(std::string& out, const Frame& frame) {
  std::string payload;
  put_byte(payload, kPrecision);
  put_word(payload, frame.height);
  put_word(payload, frame.width);
  put_byte(payload, static_cast<int>(frame.components.size()));
  for (const Component& c : frame.components) {
    put_byte(payload, c.id);
    put_nibbles(payload, c.h, c.v);
    put_byte(payload, c.table);
  }
  const bool baseline = std::none_of(frame.tables.begin(), frame.tables.end(), is_wide);
  put_segment(out, frame.progressive ? kSOF2 : baseline ? kSOF0 : kSOF1, payload);
}

//   DRI, B.2.4.4:   Ri (2)
void put_restart_interval(std::string& out, const Frame& frame) {
  if (frame.restart_interval == 0) return;
  std::string payload;
  put_word(payload, frame.restart_interval);
  put_segment(out, kDRI, payload);
}

//   DHT, B.2.4.2:   ( Tc Th | number of codes of 1, 2 .. 16 bits (16 bytes) | symbols ) for each table
void put_huffman_tables(std::string& out, const CodeTables& tables, const ScanTables& scan) {
  std::string payload;
  for (const ScanTables::Definition& definition : scan.definitions) {
    put_byte(payload, definition.destination);
    payload += tables.codes[definition.code].table_bytes();
  }
  if (!payload.empty()) put_segment(out, kDHT, payload);
}

//   SOS, B.2.3:   Ns | ( Cs | Td Ta ) for each of Ns components | Ss | Se | Ah Al
void put_scan_header(std::string& out, const Frame& frame, const Scan& scan, const ScanTables& tables) {
  std::string payload;
  put_byte(payload, static_cast<int>(scan.components.size()));
  for (int c : scan.components) {
    const int slot = code_slot(c);
    put_byte(payload, frame.components[c].id);
    put_nibbles(payload, std::max(tables.destination[kDc][slot], 0), std::max(tables.destination[kAc][slot], 0));
  }
  put_byte(payload, scan.ss);
  put_byte(payload, scan.se);
  put_nibbles(payload, scan.ah, scan.al);
  put_segment(out, kSOS, payload);
}

//   ( DHT | SOS | entropy-coded data ) for each scan, B.2.1
void put_scans(std::string& out, const Frame& frame, const Script& script, int threads) {
  const int destinations = frame.progressive ? kHuffmanTableSlots : kBaselineHuffmanTableSlots;
  const CodeTables tables = assign_tables(script.counts, destinations);
  std::vector<std::string> coded(script.scans.size());
  parallel_for(static_cast<int>(coded.size()), 1, threads, [&](int s, int) {
    put_huffman_tables(coded[s], tables, tables.scans[s]);
    put_scan_header(coded[s], frame, script.scans[s], tables.scans[s]);
    TokenWriter(coded[s], tables, tables.scans[s]).write(script.tokens[s]);
  });
  for (const std::string& scan : coded) out += scan;
}

// ---- checks --------------------------------------------------------------------------------------------------------

void check_levels(const LevelView& levels) {
  for (size_t i = 0; i < levels.count(); ++i) {
    const int16_t* block = levels.at(i);
    require_in(block[0], kMinDcLevel, kMaxDcLevel, "a DC level");
    int16_t low = 0;
    int16_t high = 0;
    for (int k = 1; k < kBlockSize; ++k) {
      low = std::min(low, block[k]);
      high = std::max(high, block[k]);
    }
    require_in(low, -kMaxAcLevel, kMaxAcLevel, "an AC level");
    require_in(high, -kMaxAcLevel, kMaxAcLevel, "an AC level");
  }
}

void check_component(const Component& c, const Frame& frame) {
  require_in(c.h, 1, kMaxSamplingFactor, "a horizontal sampling factor");
  require_in(c.v, 1, kMaxSamplingFactor, "a vertical sampling factor");
  require_in(c.table, 0, static_cast<long>(frame.tables.size()) - 1, "the quantization table of a component");
  require_in(c.id, 0, kMaxComponentId, "a component id");
  for (const Component& other : frame.components) {
    require(&other == &c || other.id != c.id, "component ids must differ");
  }
}

void check_frame(const Frame& frame) {
  require_in(frame.height, 1, kMaxDimension, "the height");
  require_in(frame.width, 1, kMaxDimension, "the width");
  require_in(static_cast<long>(frame.components.size()), 1, kMaxComponents, "the number of components");
  require_in(static_cast<long>(frame.tables.size()), 1, kQuantTableSlots, "the number of quantization tables");
  require_in(frame.restart_interval, 0, kMaxRestartInterval, "the restart interval");
  for (const QuantTable& table : frame.tables) {
    for (int step : table) require_in(step, 1, kMaxStep, "a quantization step");
  }
  for (const Component& c : frame.components) check_component(c, frame);
  for (const Component& c : frame.components) {
    require_equal(c.levels.rows, blocks_along(frame.height, c.v, frame.max_v()),
                  "the number of rows of blocks of a component");
    require_equal(c.levels.cols, blocks_along(frame.width, c.h, frame.max_h()),
                  "the number of columns of blocks of a component");
    check_levels(c.levels);
  }
}

void check_segment(const Segment& segment) {
  require(in_range(segment.marker, kAPP0, kAPP15) || segment.marker == kCOM, "only APPn and COM segments may be added");
}

// ---- the file ------------------------------------------------------------------------------------------------------

Script make_script(const Frame& frame, const std::vector<Masks>& masks, const std::vector<Scan>& scans,
                   size_t choice_blocks, int threads) {
  if (scans.empty() && frame.progressive) return choose_script(frame, masks, choice_blocks, threads);
  return walk_scans(frame, masks, scans.empty() ? sequential_script(frame) : scans, threads);
}

}  // namespace

//   SOI | APPn, COM | DQT | SOF | DRI | scans | EOI          T.81 B.2.1
std::string write_jpeg(const Frame& frame, const std::vector<Scan>& scans, size_t choice_blocks, int threads) {
  check_frame(frame);
  if (!scans.empty()) check_script(scans, frame);
  for (const Segment& segment : frame.segments) check_segment(segment);
  std::string out;
  put_marker(out, kSOI);
  for (const Segment& segment : frame.segments) put_segment(out, segment.marker, segment.payload);
  put_quant_tables(out, frame);
  put_frame_header(out, frame);
  put_restart_interval(out, frame);
  const std::vector<Masks> masks = nonzero_masks(frame, threads);
  put_scans(out, frame, make_script(frame, masks, scans, choice_blocks, threads), threads);
  put_marker(out, kEOI);
  return out;
}

}  // namespace saliency_jpeg::codec
