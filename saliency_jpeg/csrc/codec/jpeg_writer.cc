#include "codec/jpeg_writer.h"

#include <algorithm>

#include "codec/bit_writer.h"
#include "codec/code_tables.h"
#include "codec/constants.h"
#include "codec/huffman.h"
#include "codec/scans.h"
#include "codec/script_choice.h"

namespace jpegcore {
namespace {

// ---- the sink that writes ------------------------------------------------------------------------------------------

struct WriteSink {
  BitWriter* out = nullptr;
  const HuffmanCode* code = nullptr;

  void symbol(int s) { out->put(code->code[s], code->length[s]); }
  void bits(uint32_t value, int n) { out->put(value, n); }
};

class WriteSinks {
 public:
  WriteSinks(std::string* out, const CodeTables& tables, const ScanTables& scan) : out_(out), bits_(out) {
    for (int slot : {0, 1}) {
      dc_[slot] = {&bits_, code(tables, scan.code[0][slot])};
      ac_[slot] = {&bits_, code(tables, scan.code[1][slot])};
    }
  }
  WriteSink& dc(int slot) { return dc_[slot]; }
  WriteSink& ac(int slot) { return ac_[slot]; }

  // T.81 E.1.4: RST0..RST7 in turn.
  void restart() {
    bits_.align();
    out_->push_back(static_cast<char>(0xFF));
    out_->push_back(static_cast<char>(kRST0 + restarts_));
    restarts_ = (restarts_ + 1) % 8;
  }
  void finish() { bits_.align(); }

 private:
  static const HuffmanCode* code(const CodeTables& tables, int index) {
    return index == ScanTables::kUnused ? nullptr : &tables.codes[index];
  }

  std::string* out_;
  BitWriter bits_;
  WriteSink dc_[2], ac_[2];
  int restarts_ = 0;
};

// ---- marker segments -----------------------------------------------------------------------------------------------

void put_byte(std::string& out, int value) { out.push_back(static_cast<char>(value)); }

void put_word(std::string& out, int value) {
  put_byte(out, value >> 8);
  put_byte(out, value & 0xFF);
}

//  FF marker | length (2, counts itself) | payload
void put_segment(std::string& out, int marker, const std::string& payload) {
  if (payload.size() > 65533) throw std::invalid_argument("a segment holds at most 65533 bytes");
  put_byte(out, 0xFF);
  put_byte(out, marker);
  put_word(out, static_cast<int>(payload.size()) + 2);
  out += payload;
}

bool is_wide(const QuantTable& table) { return *std::max_element(table.begin(), table.end()) > 255; }

//  DQT (B.2.4.1):  Pq Tq | 64 steps of Pq + 1 bytes in zigzag order,   once a table.  B.2.4.1 wants Pq = 0 for 8-bit
//  samples, but encoders write wide tables with them and decoders take them.
void put_tables(std::string& out, const Frame& frame) {
  std::string payload;
  for (size_t t = 0; t < frame.tables.size(); ++t) {
    const bool wide = is_wide(frame.tables[t]);
    put_byte(payload, (wide ? 1 : 0) << 4 | static_cast<int>(t));
    for (uint8_t natural : kZigzag) {
      const int step = frame.tables[t][natural];
      wide ? put_word(payload, step) : put_byte(payload, step);
    }
  }
  put_segment(out, kDQT, payload);
}

//  SOFn (B.2.2):  P = 8 | Y (2) | X (2) | Nf | Nf times: C, H V, Tq
void put_frame(std::string& out, const Frame& frame) {
  std::string payload;
  put_byte(payload, 8);
  put_word(payload, frame.height);
  put_word(payload, frame.width);
  put_byte(payload, static_cast<int>(frame.components.size()));
  for (const Component& c : frame.components) {
    put_byte(payload, c.id);
    put_byte(payload, c.h << 4 | c.v);
    put_byte(payload, c.table);
  }
  const bool baseline = std::none_of(frame.tables.begin(), frame.tables.end(), is_wide);
  put_segment(out, frame.progressive ? kSOF2 : baseline ? kSOF0 : kSOF1, payload);
}

//  DHT (B.2.4.2):  Tc Th | 16 counts | symbols,   once a table
void put_codes(std::string& out, const CodeTables& tables, const ScanTables& scan) {
  std::string payload;
  for (const ScanTables::Definition& definition : scan.definitions) {
    put_byte(payload, definition.destination);
    payload += tables.codes[definition.code].table_bytes();
  }
  if (!payload.empty()) put_segment(out, kDHT, payload);
}

//  SOS (B.2.3):  Ns | Ns times: Cs, Td Ta | Ss | Se | Ah Al
void put_scan_header(std::string& out, const Frame& frame, const Scan& scan, const ScanTables& tables) {
  std::string payload;
  put_byte(payload, static_cast<int>(scan.components.size()));
  for (int c : scan.components) {
    put_byte(payload, frame.components[c].id);
    const int slot = table_slot(c);
    put_byte(payload, std::max(tables.destination[0][slot], 0) << 4 | std::max(tables.destination[1][slot], 0));
  }
  put_byte(payload, scan.ss);
  put_byte(payload, scan.se);
  put_byte(payload, scan.ah << 4 | scan.al);
  put_segment(out, kSOS, payload);
}

void put_scans(std::string& out, const Frame& frame, const std::vector<Masks>& masks, const Script& script) {
  const CodeTables tables = assign_tables(script.counts, frame.progressive ? 4 : 2);
  for (size_t s = 0; s < script.scans.size(); ++s) {
    put_codes(out, tables, tables.scans[s]);
    put_scan_header(out, frame, script.scans[s], tables.scans[s]);
    WriteSinks writer(&out, tables, tables.scans[s]);
    ScanWalk<WriteSinks>(frame, masks, script.scans[s], writer).run();
    writer.finish();
  }
}

// ---- what T.81 does not allow --------------------------------------------------------------------------------------

void require(bool condition, const char* what) {
  if (!condition) throw std::invalid_argument(what);
}

// F.1.2.1.1, F.1.2.2.1: 8-bit samples have DC differences below 2^11 and AC levels below 2^10.
void check_levels(const LevelView& levels) {
  for (size_t i = 0; i < levels.count(); ++i) {
    const int16_t* block = levels.at(i);
    require(block[0] >= -1024 && block[0] <= 1023, "a DC level lies outside -1024..1023");
    int16_t low = 0;
    int16_t high = 0;
    for (int k = 1; k < kBlockSize; ++k) {
      low = std::min(low, block[k]);
      high = std::max(high, block[k]);
    }
    require(low >= -1023 && high <= 1023, "an AC level lies outside -1023..1023");
  }
}

void check_frame(const Frame& frame) {
  require(frame.height >= 1 && frame.height <= kMaxDimension, "the height must lie in 1..65535");
  require(frame.width >= 1 && frame.width <= kMaxDimension, "the width must lie in 1..65535");
  require(!frame.components.empty() && frame.components.size() <= kMaxComponents, "1 to 4 components");
  require(!frame.tables.empty() && frame.tables.size() <= 4, "1 to 4 quantization tables");
  require(frame.restart_interval >= 0 && frame.restart_interval <= 65535, "the restart interval must lie in 0..65535");
  for (const QuantTable& table : frame.tables) {
    for (int step : table) require(step >= 1, "quantization steps must be at least 1");
  }
  for (const Component& c : frame.components) {
    require(c.h >= 1 && c.h <= 4 && c.v >= 1 && c.v <= 4, "sampling factors must lie in 1..4");
    require(c.table >= 0 && c.table < static_cast<int>(frame.tables.size()), "a component names a missing table");
    require(c.levels.rows == blocks_along(frame.height, c.v, frame.max_v()) &&
                c.levels.cols == blocks_along(frame.width, c.h, frame.max_h()),
            "the levels do not have the number of blocks that size and sampling ask for");
    require(c.id >= 0 && c.id <= 255, "component ids must lie in 0..255");
    for (const Component& other : frame.components) {
      require(&other == &c || other.id != c.id, "component ids must differ");
    }
    check_levels(c.levels);
  }
}

Script script_for(const Frame& frame, const std::vector<Masks>& masks, const std::vector<Scan>& scans,
                  size_t choice_blocks) {
  if (scans.empty() && frame.progressive) return choose_script(frame, masks, choice_blocks);
  Script script;
  for (const Scan& scan : scans.empty() ? sequential_script(frame) : scans) {
    script.add(scan, count_symbols(frame, masks, scan));
  }
  return script;
}

}  // namespace

std::string write_jpeg(const Frame& frame, const std::vector<Scan>& scans, size_t choice_blocks) {
  check_frame(frame);
  if (!scans.empty()) check_script(scans, frame);
  std::string out;
  put_byte(out, 0xFF);
  put_byte(out, kSOI);
  for (const Segment& s : frame.segments) {
    require((s.marker >= kAPP0 && s.marker <= kAPP15) || s.marker == kCOM, "only APPn and COM segments may be added");
    put_segment(out, s.marker, s.payload);
  }
  put_tables(out, frame);
  put_frame(out, frame);
  if (frame.restart_interval > 0) {
    std::string interval;  // DRI (B.2.4.4)
    put_word(interval, frame.restart_interval);
    put_segment(out, kDRI, interval);
  }
  const std::vector<Masks> masks = nonzero_masks(frame);
  put_scans(out, frame, masks, script_for(frame, masks, scans, choice_blocks));
  put_byte(out, 0xFF);
  put_byte(out, kEOI);
  return out;
}

}  // namespace jpegcore
