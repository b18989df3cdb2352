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
    if (pending_ >= 32) put_word();
  }

  // Fills the last byte with one-bits and appends all that is pending.
  void align() {
    if (pending_ % 8 > 0) put(0x7F, 8 - pending_ % 8);
    while (pending_ > 0) {
      pending_ -= 8;
      put_byte(static_cast<uint8_t>(accumulator_ >> pending_));
    }
  }

 private:
  void put_word() {
    pending_ -= 32;
    const uint32_t word = static_cast<uint32_t>(accumulator_ >> pending_);
    const char bytes[] = {static_cast<char>(word >> 24), static_cast<char>(word >> 16), static_cast<char>(word >> 8),
                          static_cast<char>(word)};
    const bool may_have_ff = (word & ~(word + 0x01010101) & 0x80808080) != 0;
    if (!may_have_ff) {
      out_.append(bytes, sizeof bytes);
      return;
    }
    for (char byte : bytes) put_byte(static_cast<uint8_t>(byte));
  }

  void put_byte(uint8_t byte) {
    out_.push_back(static_cast<char>(byte));
    if (byte == 0xFF) out_.push_back('\0');
  }

  std::string& out_;
  uint64_t accumulator_ = 0;
  int pending_ = 0;  // bits that are not in `out` yet, less than 32
};

}  // namespace saliency_jpeg::codec
