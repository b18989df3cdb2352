// The symbols of a scan, kept between the walk that counts them and the writing of their codes.
#pragma once

#include <cstdint>
#include <vector>

#include "codec/code_tables.h"
#include "codec/constants.h"

namespace saliency_jpeg::codec {

// A Huffman-coded symbol with the raw bits that follow it, raw bits alone, or the place of a restart marker.
class Token {
 public:
  static constexpr int kMaxBits = 15;

  static Token of_symbol(int symbol, TableClass table_class, int slot) {
    return Token(kHasSymbol | static_cast<uint32_t>(table_class << kClassShift | slot << kSlotShift | symbol));
  }
  static Token of_bits() { return Token(0); }
  static Token of_restart() { return Token(kRestart); }

  bool has_symbol() const { return (word_ & kHasSymbol) != 0; }
  bool is_restart() const { return (word_ & kRestart) != 0; }
  int symbol() const { return static_cast<int>(word_ & 0xFF); }
  int table_class() const { return word_ >> kClassShift & 1; }
  int slot() const { return word_ >> kSlotShift & 1; }
  int count() const { return word_ >> kCountShift & kMaxBits; }
  uint32_t bits() const { return word_ >> kBitsShift; }

  // Appends raw bits if there is room for them.
  bool add(uint32_t value, int n) {
    if (is_restart() || count() + n > kMaxBits) return false;
    const uint32_t low = value & ((uint32_t{1} << n) - 1);
    const uint32_t all = bits() << n | low;
    word_ = (word_ & kLowMask) + (static_cast<uint32_t>(n) << kCountShift);
    word_ |= all << kBitsShift;
    return true;
  }

 private:
  static constexpr uint32_t kHasSymbol = 1 << 8, kRestart = 1 << 9;
  static constexpr int kClassShift = 10, kSlotShift = 11, kCountShift = 12, kBitsShift = 16;
  static constexpr uint32_t kLowMask = (1 << kBitsShift) - 1;

  explicit Token(uint32_t word) : word_(word) {}

  uint32_t word_;
};

using Tokens = std::vector<Token>;

// Counts the symbols of one table and keeps them.
class TokenSink {
 public:
  TokenSink(CountSink& counts, Tokens& tokens, TableClass table_class, int slot)
      : counts_(counts), tokens_(tokens), table_class_(table_class), slot_(slot) {}

  void symbol(int s) {
    counts_.symbol(s);
    tokens_.push_back(Token::of_symbol(s, table_class_, slot_));
  }

  void bits(uint32_t value, int n) {
    counts_.bits(value, n);
    if (!tokens_.empty() && tokens_.back().add(value, n)) return;
    tokens_.push_back(Token::of_bits());
    tokens_.back().add(value, n);
  }

 private:
  CountSink& counts_;
  Tokens& tokens_;
  TableClass table_class_;
  int slot_;
};

// The sinks of a scan, for ScanWalk.
class TokenSinks {
 public:
  TokenSinks(ScanCounts& counts, Tokens& tokens)
      : tokens_(tokens),
        dc_{{counts.dc(0), tokens, kDc, 0}, {counts.dc(1), tokens, kDc, 1}},
        ac_{{counts.ac(0), tokens, kAc, 0}, {counts.ac(1), tokens, kAc, 1}} {}

  TokenSink& dc(int slot) { return dc_[slot]; }
  TokenSink& ac(int slot) { return ac_[slot]; }
  void restart() { tokens_.push_back(Token::of_restart()); }

 private:
  Tokens& tokens_;
  TokenSink dc_[kCodeSlots], ac_[kCodeSlots];
};

}  // namespace saliency_jpeg::codec
