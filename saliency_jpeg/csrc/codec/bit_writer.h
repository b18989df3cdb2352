// Writes entropy-coded bits with byte stuffing (T.81 F.1.2.3).
#pragma once

#include <cstdint>
#include <string>

namespace saliency_jpeg::codec {

class BitWriter {
 public:
  // Appends to `out`, which the caller keeps alive.
  explicit BitWriter(std::string& out) : out_(out) {}

  // Appends the low `count` bits of `value`, most significant bit first; count is at most 32.
  void put(uint32_t value, int count) {
    accumulator_ = (accumulator_ << count) | (value & ((uint64_t{1} << count) - 1));
    pending_ += count;
    while (pending_ >= 8) {
      pending_ -= 8;
      put_byte(static_cast<uint8_t>(accumulator_ >> pending_));
    }
  }

  // Fills the last byte with one-bits.
  void align() {
    if (pending_ > 0) put(0x7F, 8 - pending_);
  }

 private:
  void put_byte(uint8_t byte) {
    out_.push_back(static_cast<char>(byte));
    if (byte == 0xFF) out_.push_back('\0');
  }

  std::string& out_;
  uint64_t accumulator_ = 0;
  int pending_ = 0;  // bits that do not fill a byte yet
};

}  // namespace saliency_jpeg::codec
