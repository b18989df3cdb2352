#include "codec/levels_digest.h"

#include <array>

namespace saliency_jpeg::codec {
namespace {

constexpr int kStripe = 16;  // numbers that are taken at a time, 32 bytes

constexpr uint64_t kPrime1 = 0x9E3779B185EBCA87, kPrime2 = 0xC2B2AE3D27D4EB4F, kPrime3 = 0x165667B19E3779F9,
                   kPrime4 = 0x85EBCA77C2B2AE63;

uint64_t rotl(uint64_t x, int bits) { return (x << bits) | (x >> (64 - bits)); }

uint64_t mixed(uint64_t lane, uint64_t word) { return rotl(lane + word * kPrime2, 31) * kPrime1; }

// XXH64 of stripes, as github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md defines it; there is never a remainder.
class StripeHash {
 public:
  // Takes `count` numbers, a multiple of kStripe.
  template <class T>
  void update(const T* numbers, size_t count) {
    static_assert(sizeof(T) == 2);
    for (size_t i = 0; i < count; i += kStripe) {
      for (int lane = 0; lane < 4; ++lane) lanes_[lane] = mixed(lanes_[lane], word(numbers + i + 4 * lane));
    }
    bytes_ += 2 * count;
  }

  uint64_t digest() const {
    uint64_t hash = rotl(lanes_[0], 1) + rotl(lanes_[1], 7) + rotl(lanes_[2], 12) + rotl(lanes_[3], 18);
    for (uint64_t lane : lanes_) hash = (hash ^ mixed(0, lane)) * kPrime1 + kPrime4;
    hash += bytes_;
    hash = (hash ^ (hash >> 33)) * kPrime2;
    hash = (hash ^ (hash >> 29)) * kPrime3;
    return hash ^ (hash >> 32);
  }

 private:
  // Four numbers as the little-endian word that they are in memory on most CPUs.
  template <class T>
  static uint64_t word(const T* numbers) {
    uint64_t value = 0;
    for (int i = 0; i < 4; ++i) value |= static_cast<uint64_t>(static_cast<uint16_t>(numbers[i])) << (16 * i);
    return value;
  }

  std::array<uint64_t, 4> lanes_{kPrime1 + kPrime2, kPrime2, 0, 0 - kPrime1};
  uint64_t bytes_ = 0;
};

}  // namespace

uint64_t levels_digest(const Frame& frame) {
  StripeHash hash;
  const size_t count = frame.components.size();
  for (size_t c = 0; c < count; ++c) {
    const Component& component = frame.components[c];
    const int h = count == 1 ? 1 : component.h, v = count == 1 ? 1 : component.v;
    std::array<uint16_t, kStripe> head{};
    const std::array<size_t, 8> values{static_cast<size_t>(frame.height),
                                       static_cast<size_t>(frame.width),
                                       count,
                                       c,
                                       static_cast<size_t>(h),
                                       static_cast<size_t>(v),
                                       static_cast<size_t>(component.levels.rows),
                                       static_cast<size_t>(component.levels.cols)};
    for (size_t i = 0; i < values.size(); ++i) head[i] = static_cast<uint16_t>(values[i]);
    hash.update(head.data(), head.size());
    hash.update(frame.tables[static_cast<size_t>(component.table)].data(), kBlockSize);
    hash.update(component.levels.data, component.levels.count() * kBlockSize);
  }
  return hash.digest();
}

}  // namespace saliency_jpeg::codec
