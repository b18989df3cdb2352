// Reads entropy-coded bits and removes stuffed bytes (T.81 F.2.2.5).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "codec/format_error.h"

namespace saliency_jpeg::codec {

// Finds the next marker at or after `offset`.  Skips fill bytes, stuffed bytes and stray data.  Returns the offset of
// the marker's second byte, or `size` if there is no marker.
inline size_t find_marker(const uint8_t* data, size_t size, size_t offset) {
  for (; offset + 1 < size; ++offset) {
    if (data[offset] == 0xFF && data[offset + 1] != 0x00 && data[offset + 1] != 0xFF) return offset + 1;
  }
  return size;
}

// Counts the bytes from `offset` up to a marker, whose second byte is at `marker`; fill bytes do not count.
inline size_t count_data(const uint8_t* data, size_t offset, size_t marker) {
  if (marker <= offset) return 0;
  return std::count_if(data + offset, data + marker, [](uint8_t byte) { return byte != 0xFF; });
}

// Stops at the next marker.
class BitReader {
 public:
  BitReader(const uint8_t* data, size_t size, size_t offset) : data_(data), size_(size), offset_(offset) {}

  // Returns the next 16 bits without consuming them; after the end of the data they are zeros.
  uint32_t peek16() {
    if (count_ < 16) fill();
    return count_ >= 16 ? static_cast<uint32_t>(bits_ >> (count_ - 16)) & 0xFFFF
                        : static_cast<uint32_t>(bits_ << (16 - count_)) & 0xFFFF;
  }

  void skip(int n) {
    if (n > count_) throw FormatError("the data of a scan end too early", offset_);
    count_ -= n;
  }

  // Returns the next n bits; n is at most 16.
  uint32_t get(int n) {
    const uint32_t value = peek16() >> (16 - n);
    skip(n);
    return value;
  }

  // T.81 F.2.2.1, EXTEND: returns a value of category n.
  int get_value(int n) {
    if (n == 0) return 0;
    const int value = static_cast<int>(get(n));
    return value < 1 << (n - 1) ? value - (1 << n) + 1 : value;
  }

  // Skips the data before the next marker, which must be `marker`, and the marker.
  void expect_marker(int marker) {
    const size_t at = find_marker(data_, size_, offset_);
    if (at == size_ || data_[at] != marker) throw FormatError("a restart marker is missing", offset_);
    skipped_ = unread();
    offset_ = at + 1;
    count_ = 0;
  }

  // Whole bytes that were skipped before markers, and those from here to the next marker; fill bytes do not count.
  size_t unread() const {
    const size_t left = count_data(data_, offset_, find_marker(data_, size_, offset_));
    return skipped_ + static_cast<size_t>(count_ / 8) + left;
  }

  // There is no marker between the last bit that was read and this offset.
  size_t offset() const { return offset_; }

 private:
  void fill() {
    while (count_ <= 48) {
      if (offset_ >= size_) return;
      const uint8_t byte = data_[offset_];
      if (byte == 0xFF && !skip_stuffing()) return;
      ++offset_;
      bits_ = bits_ << 8 | byte;
      count_ += 8;
    }
  }

  // At 0xFF: moves to the zero byte that was stuffed after it (and after fill bytes).  Returns false at a marker.
  bool skip_stuffing() {
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
  int count_ = 0;       // number of valid low bits in bits_
  size_t skipped_ = 0;  // whole bytes before markers
};

}  // namespace saliency_jpeg::codec
