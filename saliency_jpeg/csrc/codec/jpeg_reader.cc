#include "codec/jpeg_reader.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "codec/constants.h"
#include "codec/huffman_decoder.h"
#include "codec/progression.h"
#include "codec/scan_reader.h"
#include "codec/segment_reader.h"

namespace saliency_jpeg::codec {
namespace {

constexpr int kNoTable = -1;
// Not limits of T.81, but encoders write far fewer: a scan that only has end-of-band runs takes two bytes for 32767
// blocks, so a small file could make decoders work for minutes.  saliency_jpeg/metadata/jpeg_limits.py has the same.
constexpr uint64_t kMaxPasses = 24;              // over all blocks of the frame,
constexpr uint64_t kMaxScanBlocks = 1ull << 26;  // or this many blocks in all scans if that is more

bool is_supported_frame(int marker) { return marker == kSOF0 || marker == kSOF1 || marker == kSOF2; }

bool is_kept_segment(int marker) { return in_range(marker, kAPP0, kAPP15) || marker == kCOM; }

// T.81 table B.1: markers without a length.
bool stands_alone(int marker) { return marker == kTEM || in_range(marker, kRST0, kRST7); }

// What the codec does not support, or null.
const char* unsupported_feature(int marker) {
  if (marker == kSOF3) return "lossless coding";
  if (marker == kDNL) return "a height that follows the first scan (DNL)";
  if (in_range(marker, kJPG, kSOF15)) return "arithmetic coding";
  if (in_range(marker, kSOF0, kSOF15) || marker == kDHP || marker == kEXP) return "hierarchical coding";
  return nullptr;
}

class Reader {
 public:
  Reader(const uint8_t* data, size_t size, uint64_t max_pixels) : data_(data), size_(size), max_pixels_(max_pixels) {}

  JpegFile run();

 private:
  int next_marker();
  SegmentReader next_segment(int marker);
  void read_segment(int marker);
  void count_stray_bytes();
  void read_quant_tables(SegmentReader s);
  void read_huffman_tables(SegmentReader s);
  void read_frame(SegmentReader s, bool progressive);
  void read_component(SegmentReader& s);
  void check_size(const SegmentReader& s);
  void allocate();
  void read_scan(SegmentReader s);
  void read_scan_component(SegmentReader& s, Scan& scan, ScanInput& input) const;
  void read_scan_band(SegmentReader& s, Scan& scan) const;
  void count_blocks(const SegmentReader& s, const ScanInput& input);
  void keep_quant_table(const SegmentReader& s, int component);
  void finish();

  const uint8_t* data_;
  size_t size_;
  uint64_t max_pixels_;
  size_t offset_ = 0;
  JpegFile file_;
  std::array<std::optional<QuantTable>, kQuantTableSlots> quant_;
  std::array<HuffmanDecoder, kHuffmanTableSlots> dc_, ac_;
  std::vector<int> quant_slots_;  // Tq of each component
  std::vector<Plane> planes_;
  std::optional<Progression> progression_;  // empty until the frame header
  int restart_interval_ = 0;
  int scans_ = 0;
  uint64_t frame_blocks_ = 0;
  uint64_t scan_blocks_ = 0;  // of all scans so far
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

//   marker | length (2 bytes, counts itself) | payload          T.81 B.1.1.4
//
// As for libjpeg, an APPn or COM segment with a length below 2 is an empty one.
SegmentReader Reader::next_segment(int marker) {
  if (size_ - offset_ < 2) throw FormatError("the file is truncated inside a marker segment", size_);
  size_t length = static_cast<size_t>(data_[offset_]) << 8 | data_[offset_ + 1];
  if (is_kept_segment(marker)) length = std::max<size_t>(length, 2);
  if (length < 2) {
    throw FormatError("the length of a marker segment must be at least 2, got " + std::to_string(length), offset_);
  }
  if (size_ - offset_ < length) throw FormatError("the file is truncated inside a marker segment", size_);
  const size_t begin = offset_ + 2;
  offset_ += length;
  return {data_, begin, offset_};
}

void Reader::read_segment(int marker) {
  if (stands_alone(marker)) return count_stray_bytes();
  if (marker == kSOI) throw FormatError("a second SOI marker before EOI", offset_);
  if (is_supported_frame(marker)) return read_frame(next_segment(marker), marker == kSOF2);
  if (marker == kDHT) return read_huffman_tables(next_segment(marker));
  if (marker == kSOS) return read_scan(next_segment(marker));
  if (marker == kDQT) return read_quant_tables(next_segment(marker));
  if (const char* feature = unsupported_feature(marker)) {
    throw FormatError(std::string(feature) + " is not supported", offset_);
  }
  SegmentReader s = next_segment(marker);
  if (marker == kDRI) restart_interval_ = s.word();  // B.2.4.4
  if (is_kept_segment(marker)) file_.frame.segments.push_back({marker, s.rest()});
  count_stray_bytes();
}

// Behind a scan, what follows a marker that ends no coded data passes for more of them elsewhere (metadata/scans.py).
void Reader::count_stray_bytes() {
  if (scans_ > 0) file_.unread += count_data(data_, offset_, find_marker(data_, size_, offset_));
}

//   DQT, B.2.4.1:   ( Pq Tq | 64 steps of Pq + 1 bytes, zigzag order ) for each table
void Reader::read_quant_tables(SegmentReader s) {
  while (!s.empty()) {
    const auto [precision, slot] = s.nibbles();
    s.require_in(precision, 0, 1, "the precision of a quantization table");
    s.require_in(slot, 0, kQuantTableSlots - 1, "the number of a quantization table");
    QuantTable table;
    for (uint8_t natural : kZigzag) {
      const int step = precision == 0 ? s.byte() : s.word();
      s.require(step > 0, "a quantization step must be at least 1, got 0");
      table[natural] = static_cast<uint16_t>(step);
    }
    quant_[slot] = table;
  }
}

//   DHT, B.2.4.2:   ( Tc Th | number of codes of 1, 2 .. 16 bits (16 bytes) | symbols ) for each table
void Reader::read_huffman_tables(SegmentReader s) {
  while (!s.empty()) {
    const auto [table_class, slot] = s.nibbles();
    s.require_in(table_class, 0, 1, "the class of a Huffman table");
    s.require_in(slot, 0, kHuffmanTableSlots - 1, "the number of a Huffman table");
    CodeCounts counts{};
    size_t total = 0;
    for (int n = 1; n <= kMaxCodeLength; ++n) {
      counts[n] = static_cast<uint8_t>(s.byte());
      total += counts[n];
    }
    s.require(total <= kMaxSymbols && HuffmanDecoder::fits(counts), "a Huffman table has more codes than can exist");
    (table_class == 0 ? dc_ : ac_)[slot] = HuffmanDecoder(counts, s.bytes(total));
  }
}

//   SOF0, SOF1, SOF2, B.2.2:   P | Y (2) | X (2) | Nf | ( C | H V | Tq ) for each of Nf components
void Reader::read_frame(SegmentReader s, bool progressive) {
  Frame& frame = file_.frame;
  s.require(frame.components.empty(), "a second frame header; a file must have one");
  const int precision = s.byte();
  if (precision != kPrecision) s.fail("samples must have 8 bits, got " + std::to_string(precision));
  frame.progressive = progressive;
  frame.height = s.word();
  s.require(frame.height > 0,
            "a height of 0, which stands for one that follows the first scan (DNL), is not supported");
  frame.width = s.word();
  s.require_in(frame.width, 1, kMaxDimension, "the width");
  if (static_cast<uint64_t>(frame.width) * static_cast<uint64_t>(frame.height) > max_pixels_) {
    s.fail("the image has more than " + std::to_string(max_pixels_) + " pixels (max_pixels), got width " +
           std::to_string(frame.width) + ", height " + std::to_string(frame.height));
  }
  const int count = s.byte();
  s.require_in(count, 1, kMaxComponents, "the number of components");
  for (int c = 0; c < count; ++c) read_component(s);
  check_size(s);
  allocate();
}

void Reader::read_component(SegmentReader& s) {
  Component c;
  c.id = s.byte();
  for (const Component& other : file_.frame.components) s.require(other.id != c.id, "two components with the same id");
  std::tie(c.h, c.v) = s.nibbles();
  s.require_in(c.h, 1, kMaxSamplingFactor, "a horizontal sampling factor");
  s.require_in(c.v, 1, kMaxSamplingFactor, "a vertical sampling factor");
  const int slot = s.byte();
  s.require_in(slot, 0, kQuantTableSlots - 1, "the quantization table of a component");
  c.table = kNoTable;
  file_.frame.components.push_back(c);
  quant_slots_.push_back(slot);
}

// The shortest possible file has one bit for the DC of each block, and in a sequential scan one for its end of block.
void Reader::check_size(const SegmentReader& s) {
  const Frame& frame = file_.frame;
  for (const Component& c : frame.components) {
    frame_blocks_ += static_cast<uint64_t>(blocks_along(frame.height, c.v, frame.max_v())) *
                     static_cast<uint64_t>(blocks_along(frame.width, c.h, frame.max_h()));
  }
  s.require(frame_blocks_ * (frame.progressive ? 1 : 2) <= 8 * static_cast<uint64_t>(size_ - offset_),
            "the file is truncated: it is too short for the size in its frame header");
}

void Reader::allocate() {
  Frame& frame = file_.frame;
  for (Component& c : frame.components) {
    c.levels.rows = blocks_along(frame.height, c.v, frame.max_v());
    c.levels.cols = blocks_along(frame.width, c.h, frame.max_h());
    file_.levels.emplace_back(c.levels.count() * kBlockSize);
    Plane plane{c.h, c.v, {file_.levels.back().get(), c.levels.rows, c.levels.cols}, {}};
    if (frame.progressive) plane.nonzero = ZeroedArray<uint64_t>(c.levels.count());
    planes_.push_back(std::move(plane));
    c.levels.data = file_.levels.back().get();
  }
  progression_.emplace(frame);
}

//   SOS, B.2.3:   Ns | ( Cs | Td Ta ) for each of Ns components | Ss | Se | Ah Al
void Reader::read_scan(SegmentReader s) {
  s.require(progression_.has_value(), "a scan before the frame header");
  s.require(++scans_ <= kMaxScans, "more than 256 scans are not supported");
  const Frame& frame = file_.frame;
  ScanInput input;
  for (int count = s.byte(); count > 0; --count) read_scan_component(s, input.scan, input);
  read_scan_band(s, input.scan);
  if (const char* rule = progression_->add(input.scan)) s.fail(std::string(rule) + ", got " + describe(input.scan));
  for (int c : input.scan.components) keep_quant_table(s, c);
  s.require(input.has_codes(), "a Huffman table is missing");
  if (scans_ == 1) file_.frame.restart_interval = restart_interval_;
  input.progressive = frame.progressive;
  input.mcu_rows = mcus_along(frame.height, frame.max_v());
  input.mcu_cols = mcus_along(frame.width, frame.max_h());
  input.restart_interval = restart_interval_;
  count_blocks(s, input);
  ScanReader scan(input, planes_, BitReader(data_, size_, offset_));
  offset_ = scan.run();
  file_.unread += scan.unread();
}

void Reader::read_scan_component(SegmentReader& s, Scan& scan, ScanInput& input) const {
  const std::vector<Component>& all = file_.frame.components;
  const int id = s.byte();
  const auto found = std::find_if(all.begin(), all.end(), [id](const Component& c) { return c.id == id; });
  s.require(found != all.end(), "a scan with a component that the frame does not have");
  scan.components.push_back(static_cast<int>(found - all.begin()));
  const auto [dc, ac] = s.nibbles();
  s.require_in(dc, 0, kHuffmanTableSlots - 1, "the DC Huffman table of a scan");
  s.require_in(ac, 0, kHuffmanTableSlots - 1, "the AC Huffman table of a scan");
  input.dc.push_back(&dc_[dc]);
  input.ac.push_back(&ac_[ac]);
}

// A sequential scan sends all coefficients; these bytes are ignored then, as decoders do.
void Reader::read_scan_band(SegmentReader& s, Scan& scan) const {
  const int ss = s.byte();
  const int se = s.byte();
  const auto [ah, al] = s.nibbles();
  if (!file_.frame.progressive) return;
  scan.ss = ss;
  scan.se = se;
  scan.ah = ah;
  scan.al = al;
}

// A.2.2 and A.2.3: the blocks that a scan visits, those that pad an MCU included.
void Reader::count_blocks(const SegmentReader& s, const ScanInput& input) {
  const std::vector<int>& components = input.scan.components;
  if (components.size() == 1) {
    scan_blocks_ += file_.frame.components[components[0]].levels.count();
  } else {
    scan_blocks_ += static_cast<uint64_t>(input.mcu_rows) * input.mcu_cols * mcu_blocks(input.scan, file_.frame);
  }
  s.require(scan_blocks_ <= std::max(kMaxScanBlocks, kMaxPasses * frame_blocks_),
            "the scans have too many blocks for the size of the image");
}

// A component keeps the quantization table in force at its first scan.  A table that changes later is an error, because
// a component has one table here.
void Reader::keep_quant_table(const SegmentReader& s, int component) {
  Frame& frame = file_.frame;
  const std::optional<QuantTable>& table = quant_[quant_slots_[component]];
  s.require(table.has_value(), "a quantization table is missing");
  int& kept = frame.components[component].table;
  if (kept != kNoTable) {
    return s.require(frame.tables[kept] == *table, "a quantization table changes between two scans of a component");
  }
  const auto found = std::find(frame.tables.begin(), frame.tables.end(), *table);
  kept = static_cast<int>(found - frame.tables.begin());
  if (found == frame.tables.end()) frame.tables.push_back(*table);
}

void Reader::finish() {
  if (scans_ == 0) throw FormatError("no scan before EOI", offset_);
  for (size_t c = 0; c < file_.frame.components.size(); ++c) {
    if (!progression_->has_dc(static_cast<int>(c))) throw FormatError("a component without a scan before EOI", offset_);
  }
  file_.end = offset_;
}

}  // namespace

JpegFile read_jpeg(const uint8_t* data, size_t size, uint64_t max_pixels) {
  return Reader(data, size, max_pixels).run();
}

}  // namespace saliency_jpeg::codec
