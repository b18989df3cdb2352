#include "codec/jpeg_reader.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "codec/constants.h"
#include "codec/huffman_decoder.h"
#include "codec/scan_reader.h"

namespace jpegcore {
namespace {

constexpr int kNotSent = 14;  // more than any Al
constexpr int kNoTable = -1;
constexpr int kMaxScans = 256;  // a legal progression of four components could have more, no encoder comes near

// The bytes of one marker segment behind its length.
class Payload {
 public:
  Payload(const uint8_t* data, size_t begin, size_t end) : data_(data), at_(begin), end_(end) {}

  bool empty() const { return at_ == end_; }
  size_t offset() const { return at_; }

  int byte() {
    need(1);
    return data_[at_++];
  }
  int word() {
    need(2);
    at_ += 2;
    return data_[at_ - 2] << 8 | data_[at_ - 1];
  }
  std::vector<uint8_t> bytes(size_t n) {
    need(n);
    at_ += n;
    return {data_ + at_ - n, data_ + at_};
  }
  std::string rest() {
    const size_t from = std::exchange(at_, end_);
    return {data_ + from, data_ + end_};
  }
  [[noreturn]] void fail(const std::string& what) const { throw FormatError(what, at_); }
  void require(bool condition, const char* what) const {
    if (!condition) fail(what);
  }

 private:
  void need(size_t n) const { require(end_ - at_ >= n, "a marker segment is too short"); }

  const uint8_t* data_;
  size_t at_, end_;
};

// What is known of a component besides its place in the frame.
struct ComponentState {
  int table_slot = 0;                   // Tq
  std::array<int, kBlockSize> missing;  // bits of each coefficient that are still to come, zigzag order
};

class Reader {
 public:
  Reader(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  JpegFile run();

 private:
  bool is_marker_of_frame(int marker) const { return marker == kSOF0 || marker == kSOF1 || marker == kSOF2; }
  int next_marker();
  Payload next_payload();
  void read_segment(int marker);
  void read_quant_tables(Payload p);
  void read_huffman_tables(Payload p);
  void read_frame(Payload p, bool progressive);
  void read_component(Payload& p);
  void allocate(const Payload& p);
  void read_scan(Payload p);
  void read_scan_components(Payload& p, Scan& scan, std::vector<int>& table_slots);
  void read_scan_band(Payload& p, Scan& scan);
  ScanInput scan_input(const Payload& p, const Scan& scan, const std::vector<int>& table_slots) const;
  void mark_as_sent(const Payload& p, const Scan& scan);
  void keep_table(const Payload& p, int component);
  void finish();

  const uint8_t* data_;
  size_t size_;
  size_t offset_ = 0;
  JpegFile file_;
  std::array<std::optional<QuantTable>, 4> quant_;
  std::array<HuffmanDecoder, 8> huffman_;  // DC 0..3, AC 0..3
  std::vector<ComponentState> states_;
  std::vector<Plane> planes_;
  int restart_interval_ = 0;
  int scans_ = 0;
};

JpegFile Reader::run() {
  if (size_ < 4 || data_[0] != 0xFF || data_[1] != kSOI) throw FormatError("not a JPEG file: no SOI marker", 0);
  offset_ = 2;
  for (int marker = next_marker(); marker != kEOI; marker = next_marker()) read_segment(marker);
  finish();
  return std::move(file_);
}

int Reader::next_marker() {
  const size_t at = find_marker(data_, size_, offset_);
  if (at == size_) throw FormatError("the file is truncated: no EOI marker", size_);
  offset_ = at + 1;
  return data_[at];
}

// T.81 B.1.1.4: the length counts itself.
Payload Reader::next_payload() {
  if (size_ - offset_ < 2) throw FormatError("the file is truncated inside a marker segment", size_);
  const size_t length = static_cast<size_t>(data_[offset_]) << 8 | data_[offset_ + 1];
  if (length < 2) throw FormatError("a marker segment of impossible length", offset_);
  if (size_ - offset_ < length) throw FormatError("the file is truncated inside a marker segment", size_);
  const size_t begin = offset_ + 2;
  offset_ += length;
  return {data_, begin, offset_};
}

void Reader::read_segment(int marker) {
  if (marker == 0x01 || (marker >= kRST0 && marker < kSOI)) return;  // stand alone (T.81 table B.1)
  if (marker == kSOI) throw FormatError("a second SOI marker before EOI", offset_);
  if (is_marker_of_frame(marker)) return read_frame(next_payload(), marker == kSOF2);
  if (marker == kDHT) return read_huffman_tables(next_payload());
  if (marker == kSOS) return read_scan(next_payload());
  if (marker == kDQT) return read_quant_tables(next_payload());
  if (marker >= 0xC0 && marker <= 0xCF) {
    const char* kind = marker == 0xC3 ? "lossless" : marker >= 0xC8 ? "arithmetic coding" : "hierarchical coding";
    throw FormatError(std::string("a kind of JPEG that is not supported: ") + kind, offset_);
  }
  if (marker == 0xDC) throw FormatError("a height that is given behind the image (DNL) is not supported", offset_);
  if (marker == 0xDE || marker == 0xDF) {
    throw FormatError("a kind of JPEG that is not supported: hierarchical coding", offset_);
  }
  Payload p = next_payload();
  if (marker == kDRI) restart_interval_ = p.word();
  if ((marker >= kAPP0 && marker <= kAPP15) || marker == kCOM) file_.frame.segments.push_back({marker, p.rest()});
}

//  DQT (B.2.4.1):  Pq Tq | 64 steps of Pq + 1 bytes in zigzag order,   once a table
void Reader::read_quant_tables(Payload p) {
  while (!p.empty()) {
    const int head = p.byte();
    p.require((head >> 4) <= 1 && (head & 15) <= 3, "a quantization table of unknown precision or number");
    QuantTable table;
    for (uint8_t natural : kZigzag) {
      const int step = (head >> 4) == 0 ? p.byte() : p.word();
      p.require(step > 0, "a quantization step of 0");
      table[natural] = static_cast<uint16_t>(step);
    }
    quant_[head & 15] = table;
  }
}

//  DHT (B.2.4.2):  Tc Th | 16 counts | symbols,   once a table
void Reader::read_huffman_tables(Payload p) {
  while (!p.empty()) {
    const int head = p.byte();
    p.require((head >> 4) <= 1 && (head & 15) <= 3, "a Huffman table of unknown class or number");
    std::array<uint8_t, 17> counts{};
    size_t total = 0;
    for (int n = 1; n <= kMaxCodeLength; ++n) {
      counts[n] = static_cast<uint8_t>(p.byte());
      total += counts[n];
    }
    p.require(total <= 256 && HuffmanDecoder::fits(counts), "a Huffman table with more codes than there can be");
    huffman_[(head >> 4) * 4 + (head & 15)] = HuffmanDecoder(counts, p.bytes(total));
  }
}

//  SOFn (B.2.2):  P | Y (2) | X (2) | Nf | Nf times: C, H V, Tq
void Reader::read_frame(Payload p, bool progressive) {
  Frame& frame = file_.frame;
  p.require(frame.components.empty(), "a second frame");
  const int precision = p.byte();
  p.require(precision == 8, "only samples of 8 bits are supported");
  frame.progressive = progressive;
  frame.height = p.word();
  p.require(frame.height > 0, "a height of 0, or one given behind the image (DNL), is not supported");
  frame.width = p.word();
  p.require(frame.width > 0, "a width of 0");
  const int count = p.byte();
  p.require(count >= 1 && count <= kMaxComponents, "only images of 1 to 4 components are supported");
  for (int c = 0; c < count; ++c) read_component(p);
  allocate(p);
}

void Reader::read_component(Payload& p) {
  Component c;
  c.id = p.byte();
  for (const Component& other : file_.frame.components) p.require(other.id != c.id, "two components of one name");
  const int factors = p.byte();
  c.h = factors >> 4;
  c.v = factors & 15;
  p.require(c.h >= 1 && c.h <= 4 && c.v >= 1 && c.v <= 4, "a sampling factor outside 1..4");
  ComponentState state{p.byte(), {}};
  p.require(state.table_slot <= 3, "a component with an unknown quantization table");
  state.missing.fill(kNotSent);
  c.table = kNoTable;
  file_.frame.components.push_back(c);
  states_.push_back(state);
}

// Every block takes a bit for its DC, and in a sequential scan one for its end, at least.
void Reader::allocate(const Payload& p) {
  Frame& frame = file_.frame;
  uint64_t blocks = 0;
  for (Component& c : frame.components) {
    c.levels.rows = blocks_along(frame.height, c.v, frame.max_v());
    c.levels.cols = blocks_along(frame.width, c.h, frame.max_h());
    blocks += c.levels.count();
  }
  p.require(blocks * (frame.progressive ? 1 : 2) <= 8 * static_cast<uint64_t>(size_ - offset_),
            "the file is truncated: it is too short for the size it names");
  for (Component& c : frame.components) {
    file_.levels.emplace_back(c.levels.count() * kBlockSize);
    Plane plane{c.h, c.v, {file_.levels.back().get(), c.levels.rows, c.levels.cols}, {}};
    if (frame.progressive) plane.nonzero = ZeroedArray<uint64_t>(c.levels.count());
    planes_.push_back(std::move(plane));
    c.levels.data = file_.levels.back().get();
  }
}

//  SOS (B.2.3):  Ns | Ns times: Cs, Td Ta | Ss | Se | Ah Al
void Reader::read_scan(Payload p) {
  p.require(!planes_.empty(), "a scan before the frame header");
  p.require(++scans_ <= kMaxScans, "more than 256 scans are not supported");
  Scan scan;
  std::vector<int> table_slots;
  read_scan_components(p, scan, table_slots);
  read_scan_band(p, scan);
  mark_as_sent(p, scan);
  for (int c : scan.components) keep_table(p, c);
  if (scans_ == 1) file_.frame.restart_interval = restart_interval_;
  const ScanInput input = scan_input(p, scan, table_slots);
  offset_ = ScanReader(input, planes_, BitReader(data_, size_, offset_)).run();
}

void Reader::read_scan_components(Payload& p, Scan& scan, std::vector<int>& table_slots) {
  const std::vector<Component>& all = file_.frame.components;
  const int count = p.byte();
  int blocks = 0;
  for (int i = 0; i < count; ++i) {
    const int id = p.byte();
    const auto found = std::find_if(all.begin(), all.end(), [id](const Component& c) { return c.id == id; });
    const int index = static_cast<int>(found - all.begin());
    p.require(found != all.end() && (i == 0 || index > scan.components.back()),
              "a scan's components must be the frame's, in their order");
    scan.components.push_back(index);
    blocks += found->h * found->v;
    const int slots = p.byte();
    p.require((slots >> 4) <= 3 && (slots & 15) <= 3, "a scan with an unknown Huffman table");
    table_slots.push_back(slots);
  }
  p.require(count > 0, "a scan without components");
  p.require(count == 1 || blocks <= 10, "more than 10 blocks in an MCU");
}

// T.81 G.1.1.1; a sequential scan always sends everything, whatever these bytes say.
void Reader::read_scan_band(Payload& p, Scan& scan) {
  const int ss = p.byte();
  const int se = p.byte();
  const int approximation = p.byte();
  if (!file_.frame.progressive) return;
  scan.ss = ss;
  scan.se = se;
  scan.ah = approximation >> 4;
  scan.al = approximation & 15;
  p.require(ss <= se && se <= 63 && (ss > 0 || se == 0), "a scan of an impossible band of coefficients");
  p.require(ss == 0 || scan.components.size() == 1, "an AC scan of more than one component");
  p.require(scan.al < kNotSent && (scan.ah == 0 || scan.ah == scan.al + 1), "a scan of impossible precision");
}

void Reader::mark_as_sent(const Payload& p, const Scan& scan) {
  for (int c : scan.components) {
    auto& missing = states_[c].missing;
    p.require(scan.ss == 0 || missing[0] != kNotSent, "AC is sent before DC");
    for (int k = scan.ss; k <= scan.se; ++k) {
      p.require(missing[k] == (scan.ah == 0 ? kNotSent : scan.ah), "coefficients are sent twice or refined too early");
      missing[k] = scan.al;
    }
  }
}

// The table in force at a component's first scan is the component's; a later one could not be kept.
void Reader::keep_table(const Payload& p, int component) {
  Frame& frame = file_.frame;
  const int slot = states_[component].table_slot;
  p.require(quant_[slot].has_value(), "a quantization table is missing");
  const QuantTable& table = *quant_[slot];
  int& kept = frame.components[component].table;
  if (kept != kNoTable) {
    return p.require(frame.tables[kept] == table, "a quantization table changes between two scans of a component");
  }
  for (kept = 0; kept < static_cast<int>(frame.tables.size()); ++kept) {
    if (frame.tables[kept] == table) return;
  }
  frame.tables.push_back(table);
}

ScanInput Reader::scan_input(const Payload& p, const Scan& scan, const std::vector<int>& table_slots) const {
  const Frame& frame = file_.frame;
  ScanInput input;
  input.scan = scan;
  input.progressive = frame.progressive;
  input.mcu_rows = ceil_div(frame.height, 8 * frame.max_v());
  input.mcu_cols = ceil_div(frame.width, 8 * frame.max_h());
  input.restart_interval = restart_interval_;
  for (int slots : table_slots) {
    input.dc.push_back(&huffman_[slots >> 4]);
    input.ac.push_back(&huffman_[4 + (slots & 15)]);
    p.require(scan.ss > 0 || scan.ah > 0 || input.dc.back()->defined(), "a Huffman table is missing");
    p.require(scan.se == 0 || input.ac.back()->defined(), "a Huffman table is missing");
  }
  return input;
}

void Reader::finish() {
  if (scans_ == 0) throw FormatError("no scan before EOI", offset_);
  for (const ComponentState& state : states_) {
    if (state.missing[0] == kNotSent) throw FormatError("a component without a scan before EOI", offset_);
  }
  file_.end = offset_;
}

}  // namespace

JpegFile read_jpeg(const uint8_t* data, size_t size) { return Reader(data, size).run(); }

}  // namespace jpegcore
