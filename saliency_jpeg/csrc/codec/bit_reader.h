// Entropy-coded bits with the stuffed bytes taken out (T.81 F.2.2.5).
#pragma once

#include <cstddef>
#include <cstdint>

#include "codec/format_error.h"

namespace jpegcore {

// Finds the next marker at or behind `offset`: fill bytes, stuffed bytes and stray data are passed over.  Returns the
// offset of the marker's second byte, or `size` if none follows.
inline size_t find_marker(const uint8_t* data, size_t size, size_t offset) {
  for (; offset + 1 < size; ++offset) {
    if (data[offset] == 0xFF && data[offset + 1] != 0x00 && data[offset + 1] != 0xFF) return offset + 1;
  }
  return size;
}

// Reads up to the next marker and never past it.
class BitReader {
 public:
  BitReader(const uint8_t* data, size_t size, size_t offset) : data_(data), size_(size), offset_(offset) {}

  // The next 16 bits, zeros where the data end.
  uint32_t peek16() {
    if (count_ < 16) fill();
    return count_ >= 16 ? static_cast<uint32_t>(bits_ >> (count_ - 16)) & 0xFFFF
                        : static_cast<uint32_t>(bits_ << (16 - count_)) & 0xFFFF;
  }

  void skip(int n) {
    if (n > count_) throw FormatError("the data of a scan end too early", offset_);
    count_ -= n;
  }

  // The next n bits; n is at most 16.
  uint32_t get(int n) {
    const uint32_t value = peek16() >> (16 - n);
    skip(n);
    return value;
  }

  // T.81 F.2.2.1, EXTEND: a value of category n.
  int get_value(int n) {
    if (n == 0) return 0;
    const int value = static_cast<int>(get(n));
    return value < 1 << (n - 1) ? value - (1 << n) + 1 : value;
  }

  // Drops what is left before the next marker, which has to be `marker`, and goes on behind it.
  void expect_marker(int marker) {
    const size_t at = find_marker(data_, size_, offset_);
    if (at == size_ || data_[at] != marker) throw FormatError("a restart marker is missing", offset_);
    offset_ = at + 1;
    count_ = 0;
  }

  // No marker lies between the last bit read and this place.
  size_t offset() const { return offset_; }

 private:
  void fill() {
    while (count_ <= 48) {
      if (offset_ >= size_) return;
      const uint8_t byte = data_[offset_];
      if (byte == 0xFF && !pass_stuffing()) return;
      ++offset_;
      bits_ = bits_ << 8 | byte;
      count_ += 8;
    }
  }

  // At 0xFF: goes to the zero byte that was stuffed behind it (and behind fill bytes); false where a marker stands.
  bool pass_stuffing() {
    size_t next = offset_ + 1;
    while (next < size_ && data_[next] == 0xFF) ++next;
    if (next >= size_ || data_[next] != 0x00) return false;
    offset_ = next;
    return true;
  }

  const uint8_t* data_;
  size_t size_;
  size_t offset_;
  uint64_t bits_ = 0;
  int count_ = 0;  // valid low bits of bits_
};

}  // namespace jpegcore
