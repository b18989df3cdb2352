// Fuzz target: what the writer writes, the reader gives back.  The input says sizes, sampling, tables, levels, restart
// interval, segments and scans.
#include <stdexcept>
#include <vector>

#include "codec/constants.h"
#include "codec/jpeg_reader.h"
#include "codec/jpeg_writer.h"
#include "fuzz.h"

namespace {

using namespace saliency_jpeg::codec;
using fuzz::Input;

constexpr int kMaxSide = 56;
constexpr int kMinBand = 12;  // coefficients in a band but the last; many scans make the target slow

QuantTable make_table(Input& in) {
  QuantTable table;
  const int high = in.number(0, 3) == 0 ? kMaxStep : kMaxNarrowStep;
  const int first = in.number(1, high);
  const int slope = in.number(0, 20);
  for (int i = 0; i < kBlockSize; ++i) table[i] = static_cast<uint16_t>(std::min(first + i * slope, high));
  return table;
}

// A level of any category, small ones more often.
int16_t make_level(Input& in, int low, int high) {
  const int bits = in.number(0, kMaxDcCategory);
  const int value = bits == kMaxDcCategory ? in.number(low, high) : in.number(-(1 << bits) + 1, (1 << bits) - 1);
  return static_cast<int16_t>(std::min(std::max(value, low), high));
}

// Fills the blocks as long as the input lasts; the others repeat the DC before them or stay empty.
std::vector<int16_t> make_levels(Input& in, size_t blocks) {
  std::vector<int16_t> levels(blocks * kBlockSize);
  const bool is_dense = in.number(0, 7) == 0;
  const size_t until = static_cast<size_t>(in.byte());
  for (size_t b = 0; b < blocks; ++b) {
    int16_t* block = &levels[b * kBlockSize];
    if (b >= until) {
      block[0] = b == 0 ? int16_t{0} : block[-kBlockSize];
      continue;
    }
    block[0] = make_level(in, kMinDcLevel, kMaxDcLevel);
    for (int n = is_dense ? kLastCoefficient : in.number(0, 5); n > 0; --n) {
      block[in.number(1, kLastCoefficient)] = make_level(in, -kMaxAcLevel, kMaxAcLevel);
    }
  }
  return levels;
}

std::vector<int> all_components(const Frame& frame) {
  std::vector<int> all;
  for (size_t c = 0; c < frame.components.size(); ++c) all.push_back(static_cast<int>(c));
  return all;
}

void add_refinements(std::vector<Scan>& scans, Scan scan) {
  for (scans.push_back(scan); scan.al > 0; scans.push_back(scan)) {
    scan.ah = scan.al;
    --scan.al;
  }
}

// Legal progressive scans: DC one by one or together, then the AC of each component in bands, each refined to its end.
std::vector<Scan> make_script(Input& in, const Frame& frame) {
  std::vector<Scan> scans;
  const int al = in.number(0, kMaxDcPointTransform);
  if (in.number(0, 1) == 0) {
    add_refinements(scans, {all_components(frame), 0, 0, 0, al});
  } else {
    for (int c : all_components(frame)) add_refinements(scans, {{c}, 0, 0, 0, al});
  }
  for (int c : all_components(frame)) {
    for (int ss = 1; ss <= kLastCoefficient;) {
      const int se = in.number(std::min(ss + kMinBand, kLastCoefficient), kLastCoefficient);
      add_refinements(scans, {{c}, ss, se, 0, in.number(0, 2)});
      ss = se + 1;
    }
  }
  return scans;
}

// Scans of any values, most of which the writer refuses.
std::vector<Scan> make_any_script(Input& in) {
  std::vector<Scan> scans;
  for (int n = in.number(1, 4); n > 0; --n) {
    Scan scan;
    for (int c = in.number(0, 4); c > 0; --c) scan.components.push_back(in.number(0, 5) - 1);
    scan.ss = in.number(0, 65) - 1;
    scan.se = in.number(0, 65) - 1;
    scan.ah = in.number(0, 15) - 1;
    scan.al = in.number(0, 15) - 1;
    scans.push_back(scan);
  }
  return scans;
}

struct Picture {
  Frame frame;
  std::vector<std::vector<int16_t>> levels;
};

void add_segments(Input& in, Frame& frame) {
  for (int n = in.number(0, 3); n > 0; --n) {
    const int marker = in.number(0, 16);
    frame.segments.push_back({marker == 16 ? int{kCOM} : kAPP0 + marker, in.text(in.byte())});
  }
}

Picture make_picture(Input& in) {
  Picture p;
  p.frame.height = in.number(1, kMaxSide);
  p.frame.width = in.number(1, kMaxSide);
  p.frame.progressive = in.number(0, 1) == 1;
  p.frame.restart_interval = in.number(0, 3) == 0 ? in.number(0, kMaxRestartInterval) : in.number(0, 4);
  for (int n = in.number(1, kQuantTableSlots); n > 0; --n) p.frame.tables.push_back(make_table(in));
  const int first_id = in.byte();
  for (int c = 0, count = in.number(1, kMaxComponents); c < count; ++c) {
    const int sampling = in.byte();
    const int table = in.number(0, static_cast<int>(p.frame.tables.size()) - 1);
    p.frame.components.push_back({(first_id + c) % 256, 1 + sampling % 4, 1 + sampling / 4 % 4, table, {}});
  }
  for (Component& c : p.frame.components) {
    c.levels.rows = blocks_along(p.frame.height, c.v, p.frame.max_v());
    c.levels.cols = blocks_along(p.frame.width, c.h, p.frame.max_h());
    p.levels.push_back(make_levels(in, c.levels.count()));
    c.levels.data = p.levels.back().data();
  }
  add_segments(in, p.frame);
  return p;
}

bool same_component(const Frame& a, const Frame& b, size_t c) {
  const Component& x = a.components[c];
  const Component& y = b.components[c];
  return x.id == y.id && x.h == y.h && x.v == y.v && a.tables[x.table] == b.tables[y.table];
}

void read_back(const std::string& jpeg, const Frame& written) {
  const JpegFile file = read_jpeg(reinterpret_cast<const uint8_t*>(jpeg.data()), jpeg.size());
  const Frame& read = file.frame;
  fuzz::check(file.end == jpeg.size(), "the file ends with EOI");
  fuzz::check(read.height == written.height && read.width == written.width, "the size comes back");
  fuzz::check(read.progressive == written.progressive, "the mode comes back");
  fuzz::check(read.restart_interval == written.restart_interval, "the restart interval comes back");
  fuzz::check(read.components.size() == written.components.size(), "all components come back");
  for (size_t c = 0; c < read.components.size(); ++c) {
    fuzz::check(same_component(read, written, c), "ids, sampling and tables come back");
  }
  fuzz::check(fuzz::same_levels(read, written), "levels come back");
  fuzz::check(fuzz::same_segments(read, written), "segments come back");
}

// Whether the writer must take the scans: its own, or legal ones.  Those of several components may make an MCU too
// large.
bool is_writable(const std::vector<Scan>& scans, bool is_any) {
  return scans.empty() || (!is_any && scans[0].components.size() == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input in(data, size);
  const int kind = in.number(0, 4);  // of scans: the writer's, legal ones, any
  std::vector<Scan> scans = kind == 3 ? make_any_script(in) : std::vector<Scan>{};
  const Picture picture = make_picture(in);
  if (kind == 4 && picture.frame.progressive) scans = make_script(in, picture.frame);
  const size_t choice_blocks = kind == 1 ? static_cast<size_t>(in.number(0, 20)) : 0;
  std::string jpeg;
  try {
    jpeg = write_jpeg(picture.frame, scans, choice_blocks);
  } catch (const std::invalid_argument& refusal) {
    fuzz::check(!is_writable(scans, kind == 3), refusal.what());
    return 0;
  }
  read_back(jpeg, picture.frame);
  return 0;
}
