// Reads the fields of one marker segment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "codec/format_error.h"
#include "common/require.h"

namespace saliency_jpeg::codec {

class SegmentReader {
 public:
  // Reads data[begin] to data[end - 1], the payload of the segment.
  SegmentReader(const uint8_t* data, size_t begin, size_t end) : data_(data), at_(begin), end_(end) {}

  bool empty() const { return at_ == end_; }

  int byte() {
    need(1);
    return data_[at_++];
  }
  int word() {
    need(2);
    at_ += 2;
    return data_[at_ - 2] << 8 | data_[at_ - 1];
  }
  // A byte that holds two fields of four bits: the high one, then the low one.
  std::pair<int, int> nibbles() {
    const int both = byte();
    return {both >> 4, both & 15};
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

  [[noreturn]] void fail(const std::string& message) const { throw FormatError(message, at_); }
  void require(bool condition, const char* message) const {
    if (!condition) fail(message);
  }
  void require_in(int value, int low, int high, const char* name) const {
    if (!in_range(value, low, high)) fail(out_of_range(name, value, low, high));
  }

 private:
  void need(size_t n) const { require(end_ - at_ >= n, "a marker segment is too short"); }

  const uint8_t* data_;
  size_t at_, end_;
};

}  // namespace saliency_jpeg::codec
