#include "codec/detail.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "codec/binary_coder.h"
#include "codec/constants.h"
#include "codec/context_mixer.h"

namespace saliency_jpeg::codec {
namespace {

constexpr int kZones = 12;
constexpr int kNodes = 6;     // is it 0, its sign, is it beyond 1, 2, 3, and further sizes
constexpr int kCounted = 18;  // sizes up to this are counted, the rest of larger ones has a number of bits
constexpr size_t kLevelContexts = 1024, kMoreContexts = 768;  // entries that at_end and at_level tell apart

constexpr int16_t kNoLevels[kBlockSize] = {};

// The zone of a frequency: its diagonal, the highest ones together.
int zone_of(int k) { return std::min(k / 8 + k % 8, kZones - 1); }

// 0, 1, 2, 3 for 3 and 4, 4 to 8, 5 to 16 ..., at most `most`.
int coarse(int value, int most) {
  if (value <= 2) return std::min(value, most);
  int result = 2;
  for (int rest = value - 1; rest > 1; rest >>= 1) ++result;
  return std::min(result, most);
}

int sign_of(int level) { return level > 0 ? 2 : level < 0 ? 1 : 0; }

// What is known of a block before its detail.
struct Surroundings {
  const int16_t* left;
  const int16_t* above;
  const int16_t* other;                                  // of the component before, at the same place
  int count = 0, sum = 0;                                // of its own levels that are known, but DC
  int beyond = 0;                                        // of those to the right and below
  int around = 0;                                        // of those to the left and above, all their levels
  int nearest = 0;                                       // which of the last three known ones are not 0
  int left_count = 0, above_count = 0, other_count = 0;  // of detail
  int left_last = 0, above_last = 0, other_last = 0;     // where it ends, in zigzag order
};

// The sizes of the levels of a block around a frequency.
class Sizes {
 public:
  explicit Sizes(const int16_t* levels) : levels_(levels) {}
  int at(int v, int u) const { return v < 0 || u < 0 || v > 7 || u > 7 ? 0 : std::abs(levels_[8 * v + u]); }
  // Of lower frequencies, which come earlier.
  int before(int v, int u) const {
    return 2 * (at(v - 1, u) + at(v, u - 1)) + at(v - 1, u - 1) + at(v - 2, u) + at(v, u - 2);
  }
  int around(int v, int u) const { return at(v - 1, u) + at(v, u - 1) + at(v + 1, u) + at(v, u + 1); }

 private:
  const int16_t* levels_;
};

struct DetailCount {
  int count = 0, last = 0;
};

DetailCount detail_of(const int16_t* levels, int first) {
  DetailCount result{0, first - 1};
  for (int i = first; i < kBlockSize; ++i) {
    if (levels[kZigzag[i]] == 0) continue;
    ++result.count;
    result.last = i;
  }
  return result;
}

int sum_of(const int16_t* levels, int first) {
  int sum = 0;
  for (int i = 1; i < first; ++i) sum += std::abs(levels[kZigzag[i]]);
  return sum;
}

template <class T>
Surroundings surroundings(const BlockView<T>& levels, const BlockView<T>* other, int first, int row, int col) {
  Surroundings s;
  const T* own = levels.at(row, col);
  s.left = col > 0 ? levels.at(row, col - 1) : kNoLevels;
  s.above = row > 0 ? levels.at(row - 1, col) : kNoLevels;
  s.other = other != nullptr ? other->at(row, col) : kNoLevels;
  for (int i = 1; i < first; ++i) s.count += own[kZigzag[i]] != 0;
  s.sum = sum_of(own, first);
  if (col + 1 < levels.cols) s.beyond += sum_of(levels.at(row, col + 1), first);
  if (row + 1 < levels.rows) s.beyond += sum_of(levels.at(row + 1, col), first);
  s.around = sum_of(s.left, kBlockSize) + sum_of(s.above, kBlockSize);
  for (int i = std::max(1, first - 3); i < first; ++i) s.nearest = 2 * s.nearest + (own[kZigzag[i]] != 0);
  const DetailCount left = detail_of(s.left, first), above = detail_of(s.above, first),
                    of_other = detail_of(s.other, first);
  s.left_count = left.count;
  s.left_last = left.last;
  s.above_count = above.count;
  s.above_last = above.last;
  s.other_count = of_other.count;
  s.other_last = of_other.last;
  return s;
}

struct Situation {
  Contexts contexts;
  std::array<int, kMixers> sets;
};

// How far beyond a place detail of a neighbour goes: 0 for not at all, to 3.
int farther(int last, int place) { return last <= place ? 0 : last <= place + 3 ? 1 : last <= place + 9 ? 2 : 3; }

// Whether more levels follow behind the one at `place` in zigzag order, of size `size`, 0 before the first.
Situation at_end(const Surroundings& s, int place, int so_far, int size) {
  const int k = kZigzag[std::max(place, 0)], zone = zone_of(k), is_start = so_far == 0;
  const int left = farther(s.left_last, place), above = farther(s.above_last, place);
  Situation result;
  result.contexts = {
      place * 5 + coarse(so_far, 4),
      ((zone * 4 + left) * 4 + above) * 2 + is_start,
      place * 8 + coarse(s.count, 7),
      (coarse(s.sum, 7) * 7 + coarse(s.left_count, 6)) * 7 + coarse(s.above_count, 6),
      (zone * 7 + coarse(s.beyond, 6)) * 7 + coarse(s.sum, 6),
      place * 4 + std::min(size, 3),
      ((zone * 4 + farther(s.other_last, place)) * 5 + coarse(s.other_count, 4)) * 2 + is_start,
      (zone * 8 + s.nearest) * 7 + coarse(s.around, 6),
  };
  result.sets = {2 * zone + is_start, coarse(s.sum, 7)};
  return result;
}

Situation at_level(const Surroundings& s, const int16_t* block, int i, int so_far, int zeros) {
  const int k = kZigzag[i], v = k / 8, u = k % 8, zone = zone_of(k);
  const int left = std::abs(s.left[k]), above = std::abs(s.above[k]);
  const int inside = Sizes(block).before(v, u) + std::abs(block[kZigzag[i - 1]]);
  const int aside = 2 * (left + above) + (Sizes(s.left).around(v, u) + Sizes(s.above).around(v, u)) / 2;
  Situation result;
  result.contexts = {
      k * 3 + std::min(left + above, 2),
      (zone * 8 + coarse(inside, 7)) * 6 + coarse(so_far, 5),
      k * 7 + coarse(aside, 6),
      ((zone * 4 + coarse(left, 3)) * 4 + coarse(above, 3)) * 5 + coarse(inside, 4),
      k * 8 + coarse(s.count, 7),
      (zone * 6 + coarse(zeros, 5)) * 7 + coarse(s.sum, 6),
      (zone * 7 + coarse(s.beyond, 6)) * 8 + coarse(s.sum, 7),
      (zone * 4 + std::min(std::abs(static_cast<int>(s.other[k])), 3)) * 7 + coarse(s.around, 6),
  };
  result.sets = {zone, coarse(inside + aside, 7)};
  return result;
}

// Of the sign of a level.
Situation at_sign(const Surroundings& s, const int16_t* block, int i) {
  const int k = kZigzag[i], zone = zone_of(k);
  const int left = sign_of(s.left[k]), above = sign_of(s.above[k]), other = sign_of(s.other[k]);
  const int lower = k >= 8 ? sign_of(block[k - 8]) : 0, back = k % 8 > 0 ? sign_of(block[k - 1]) : 0;
  Situation result;
  result.contexts = {
      k,
      (zone * 3 + left) * 3 + above,
      k * 3 + left,
      k * 3 + above,
      k * 3 + other,
      (k * 3 + lower) * 3 + back,
      ((zone * 3 + left) * 3 + lower) * 3 + back,
      ((zone * 3 + above) * 3 + lower) * 3 + back,
  };
  result.sets = {zone, left * 3 + above};
  return result;
}

// Goes through the detail of all blocks.  `Coder` says or learns each bit: `bit = coder(bit, probability)`.
template <class T, class Coder>
class DetailWalk {
 public:
  explicit DetailWalk(Coder& coder) : coder_(coder) {}

  void component(const BlockView<T>& levels, const BlockView<T>* other, int first) {
    for (int row = 0; row < levels.rows; ++row) {
      for (int col = 0; col < levels.cols; ++col) {
        block(levels.at(row, col), surroundings(levels, other, first, row, col), first);
      }
    }
  }

 private:
  void block(T* levels, const Surroundings& s, int first) {
    std::array<int16_t, kBlockSize> known{};  // the levels so far
    for (int i = 0; i < first; ++i) known[kZigzag[i]] = levels[kZigzag[i]];
    coder_.begin(levels, first);
    int place = first - 1, size = 0;
    const int last = coder_.knows() ? detail_of(levels, first).last : 0;
    for (int so_far = 0; place < kLastCoefficient; ++so_far) {
      if (!decide(more_, at_end(s, place, so_far, size), last > place)) return;
      int i = place + 1;
      while (i < kLastCoefficient && !is_level(s, known.data(), i, so_far, i - place - 1, levels)) ++i;
      known[kZigzag[i]] = value(s, known.data(), i, so_far, i - place - 1, levels);
      coder_.keep(levels[kZigzag[i]], known[kZigzag[i]]);
      size = std::abs(known[kZigzag[i]]);
      place = i;
    }
  }

  bool is_level(const Surroundings& s, const int16_t* known, int i, int so_far, int zeros, const T* levels) {
    return decide(level_, at_node(at_level(s, known, i, so_far, zeros), 0), levels[kZigzag[i]] != 0);
  }

  int16_t value(const Surroundings& s, const int16_t* known, int i, int so_far, int zeros, const T* levels) {
    const int level = levels[kZigzag[i]];
    const bool is_negative = decide(level_, at_node(at_sign(s, known, i), 1), level < 0);
    const Situation situation = at_level(s, known, i, so_far, zeros);
    int size = 1;
    while (size < kCounted &&
           decide(level_, at_node(situation, std::min(size + 1, kNodes - 1)), std::abs(level) > size))
      ++size;
    if (size == kCounted) size += large(std::abs(level) - kCounted);
    return static_cast<int16_t>(is_negative ? -size : size);
  }

  // A number from 0 on, by its length in bits and its bits.
  int large(int number) {
    constexpr int kHalf = kCertain / 2, kMostBits = 10;
    int bits = 0;
    while (bits < kMostBits && coder_(number + 1 >= 2 << bits, kHalf)) ++bits;
    int result = 1;
    for (int b = bits - 1; b >= 0; --b) result = 2 * result + coder_(((number + 1) >> b) & 1, kHalf);
    return std::min(result - 1, kMaxAcLevel - kCounted);
  }

  Situation at_node(Situation situation, int node) {
    for (int& context : situation.contexts) context = context * kNodes + node;
    for (int& set : situation.sets) set = set * kNodes + node;
    return situation;
  }

  bool decide(ContextMixer& mixer, const Situation& situation, bool bit) {
    bit = coder_(bit, mixer.probability(situation.contexts, situation.sets));
    mixer.update(bit);
    return bit;
  }

  Coder& coder_;
  ContextMixer more_{kMoreContexts, 2 * kZones};
  ContextMixer level_{kLevelContexts * kNodes, static_cast<size_t>(kZones) * kNodes};
};

struct Writing {
  bool operator()(bool bit, int probability) {
    encoder.code(bit, probability);
    return bit;
  }
  static constexpr bool knows() { return true; }
  static void begin(const int16_t*, int) {}
  static void keep(int16_t, int16_t) {}
  BinaryEncoder encoder;
};

struct Reading {
  bool operator()(bool, int probability) { return decoder.decode(probability); }
  static constexpr bool knows() { return false; }
  static void begin(int16_t* levels, int first) {
    for (int i = first; i < kBlockSize; ++i) levels[kZigzag[i]] = 0;
  }
  static void keep(int16_t& level, int16_t value) { level = value; }
  BinaryDecoder decoder;
};

// The components behind the first learn together, each with what the one before has at the same place.
template <class T, class Coder>
void walk(const std::vector<BlockView<T>>& levels, const std::vector<int>& firsts, Coder& coder) {
  DetailWalk<T, Coder> first(coder), others(coder);
  for (size_t c = 0; c < levels.size(); ++c) {
    const bool is_like = c > 1 && levels[c].rows == levels[c - 1].rows && levels[c].cols == levels[c - 1].cols;
    (c == 0 ? first : others).component(levels[c], is_like ? &levels[c - 1] : nullptr, firsts[c]);
  }
}

}  // namespace

std::string encode_detail(const std::vector<LevelView>& levels, const std::vector<int>& firsts) {
  Writing writing;
  walk(levels, firsts, writing);
  return writing.encoder.finish();
}

void decode_detail(std::string_view code, const std::vector<int>& firsts,
                   const std::vector<BlockView<int16_t>>& levels) {
  Reading reading{BinaryDecoder(code)};
  walk(levels, firsts, reading);
}

}  // namespace saliency_jpeg::codec
