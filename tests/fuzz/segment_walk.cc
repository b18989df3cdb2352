// Fuzz target: the reader's walk over marker segments.  The input says what stands before a scan: segments, fill bytes,
// stray bytes, markers without a length, lengths below 2.  The reader must give the APPn and COM segments back, in
// order, and the levels as they were.
#include <vector>

#include "codec/constants.h"
#include "codec/jpeg_reader.h"
#include "codec/jpeg_writer.h"
#include "fuzz.h"

namespace {

using namespace saliency_jpeg::codec;
using fuzz::Input;

// A file, and what its reader must find.
struct Walk {
  std::string jpeg;
  std::vector<Segment> segments;
};

void put_marker(std::string& out, int marker) {
  out.push_back('\xFF');
  out.push_back(static_cast<char>(marker));
}

void put_length(std::string& out, size_t length) {
  out.push_back(static_cast<char>(length >> 8));
  out.push_back(static_cast<char>(length));
}

// Adds bytes that hold no marker: what follows 0xFF becomes 0xFF or a stuffed zero.
void put_stray_bytes(std::string& out, const std::string& bytes) {
  for (char byte : bytes) out.push_back(out.back() == '\xFF' && byte != '\xFF' ? '\0' : byte);
}

int kept_marker(Input& in) {
  const int number = in.number(0, 16);
  return number == 16 ? int{kCOM} : kAPP0 + number;
}

// Markers whose segments the reader skips: RES, and JPGn without the last, which is COM's neighbour.
int skipped_marker(Input& in) { return in.number(0, 1) == 0 ? in.number(0x02, 0xBF) : in.number(0xF0, 0xFD); }

void put_segment(std::string& out, int marker, const std::string& payload) {
  put_marker(out, marker);
  put_length(out, payload.size() + 2);
  out += payload;
}

void add_piece(Input& in, Walk& walk) {
  switch (in.number(0, 5)) {
    case 0: {
      const Segment segment{kept_marker(in), in.text(in.number(0, 300))};
      put_segment(walk.jpeg, segment.marker, segment.payload);
      walk.segments.push_back(segment);
      break;
    }
    case 1:  // B.1.1.2: fill bytes before a marker
      walk.jpeg.append(static_cast<size_t>(in.number(1, 20)), '\xFF');
      break;
    case 2:
      put_stray_bytes(walk.jpeg, in.text(in.byte()));
      break;
    case 3:  // table B.1
      put_marker(walk.jpeg, in.number(0, 8) == 0 ? int{kTEM} : kRST0 + in.number(0, 7));
      break;
    case 4: {  // an empty segment, for libjpeg
      const Segment segment{kept_marker(in), ""};
      put_marker(walk.jpeg, segment.marker);
      put_length(walk.jpeg, static_cast<size_t>(in.number(0, 2)));
      walk.segments.push_back(segment);
      break;
    }
    default: {
      const int marker = skipped_marker(in);
      put_segment(walk.jpeg, marker, in.text(in.byte()));
    }
  }
}

// A gray picture of 8 x 8 pixels, cut in front of its segments and behind its end.
std::string plain_file(const std::vector<int16_t>& levels) {
  Frame frame;
  frame.height = frame.width = 8;
  frame.tables.emplace_back();
  frame.tables[0].fill(7);
  frame.components.push_back({1, 1, 1, 0, {levels.data(), 1, 1}});
  return write_jpeg(frame, {});
}

// Puts pieces in front of a marker: 0 is the first behind SOI, then DQT, SOF, DHT and SOS.
std::vector<size_t> marker_offsets(const std::string& jpeg) {
  std::vector<size_t> offsets;
  for (size_t at = 2; at + 3 < jpeg.size();) {
    offsets.push_back(at);
    if (static_cast<uint8_t>(jpeg[at + 1]) == kSOS) break;
    at += 2 + (static_cast<size_t>(static_cast<uint8_t>(jpeg[at + 2])) << 8 | static_cast<uint8_t>(jpeg[at + 3]));
  }
  return offsets;
}

Walk make_walk(Input& in, const std::string& plain) {
  Walk walk;
  size_t at = 0;
  for (size_t offset : marker_offsets(plain)) {
    walk.jpeg += plain.substr(at, offset - at);
    at = offset;
    for (int n = in.number(0, 8); n > 0; --n) add_piece(in, walk);
  }
  walk.jpeg += plain.substr(at);
  return walk;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input in(data, size);
  std::vector<int16_t> levels(kBlockSize);
  levels[0] = static_cast<int16_t>(in.number(kMinDcLevel, kMaxDcLevel));
  levels[in.number(1, kLastCoefficient)] = static_cast<int16_t>(in.number(-kMaxAcLevel, kMaxAcLevel));
  const Walk walk = make_walk(in, plain_file(levels));
  const std::string all = walk.jpeg + in.text(static_cast<size_t>(in.byte()));  // bytes behind EOI
  const JpegFile file = read_jpeg(reinterpret_cast<const uint8_t*>(all.data()), all.size());
  fuzz::check(file.end == walk.jpeg.size(), "the end is behind EOI");
  Frame expected;
  expected.segments = walk.segments;
  fuzz::check(fuzz::same_segments(file.frame, expected), "the segments are found, in order");
  fuzz::check(std::equal(levels.begin(), levels.end(), file.frame.components[0].levels.data), "the levels are read");
  return 0;
}
