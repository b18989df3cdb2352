// A binary range coder. Integers alone, so that every machine decodes the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace saliency_jpeg::codec {

constexpr int kCertain = 1 << 16;  // a probability of 1

// The interval of numbers that begin with what was coded so far, and its division by a bit.
class CodeInterval {
 public:
  // The last number that stands for a 1, of probability 1 to kCertain - 1.
  uint32_t middle(int probability) const {
    return low_ +
           static_cast<uint32_t>((static_cast<uint64_t>(high_ - low_) * static_cast<uint32_t>(probability)) >> 16);
  }
  void take(bool bit, uint32_t middle) { (bit ? high_ : low_) = middle + (bit ? 0 : 1); }
  bool has_settled_byte() const { return ((low_ ^ high_) >> 24) == 0; }
  uint32_t drop_byte() {
    const uint32_t byte = high_ >> 24;
    low_ <<= 8;
    high_ = high_ << 8 | 0xFF;
    return byte;
  }
  uint32_t low() const { return low_; }

 private:
  uint32_t low_ = 0;
  uint32_t high_ = UINT32_MAX;
};

// Writes bits of given probabilities.
class BinaryEncoder {
 public:
  // `probability`: that the bit is 1, 1 to kCertain - 1.
  void code(bool bit, int probability) {
    interval_.take(bit, interval_.middle(probability));
    while (interval_.has_settled_byte()) bytes_.push_back(static_cast<char>(interval_.drop_byte()));
  }

  // Ends the code with the fewest bytes that tell it apart; a decoder reads zeros behind them.
  std::string finish() {
    if (interval_.low() != 0) bytes_.push_back(static_cast<char>((interval_.low() >> 24) + 1));
    while (!bytes_.empty() && bytes_.back() == 0) bytes_.pop_back();
    return std::move(bytes_);
  }

 private:
  CodeInterval interval_;
  std::string bytes_;
};

// Reads them. Any bytes are a code of something.
class BinaryDecoder {
 public:
  explicit BinaryDecoder(std::string_view bytes) : bytes_(bytes) {
    for (int i = 0; i < 4; ++i) append_byte();
  }

  bool decode(int probability) {
    const uint32_t middle = interval_.middle(probability);
    const bool bit = value_ <= middle;
    interval_.take(bit, middle);
    while (interval_.has_settled_byte()) {
      interval_.drop_byte();
      append_byte();
    }
    return bit;
  }

 private:
  void append_byte() { value_ = value_ << 8 | (at_ < bytes_.size() ? static_cast<uint8_t>(bytes_[at_++]) : 0u); }

  CodeInterval interval_;
  std::string_view bytes_;
  size_t at_ = 0;
  uint32_t value_ = 0;
};

}  // namespace saliency_jpeg::codec
