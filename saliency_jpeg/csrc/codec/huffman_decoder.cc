#include "codec/huffman_decoder.h"

#include <utility>

namespace saliency_jpeg::codec {

bool HuffmanDecoder::fits(const CodeCounts& counts) {
  uint32_t taken = 0;  // of the 2^16 patterns of 16 bits
  for (int n = 1; n <= kMaxCodeLength; ++n) taken += static_cast<uint32_t>(counts[n]) << (kMaxCodeLength - n);
  return taken <= 1u << kMaxCodeLength;
}

HuffmanDecoder::HuffmanDecoder(const CodeCounts& counts, std::vector<uint8_t> symbols) : symbols_(std::move(symbols)) {
  uint32_t code = 0;
  uint32_t index = 0;
  for (int n = 1; n <= kMaxCodeLength; ++n) {  // T.81 C.2
    code <<= 1;
    first_[n] = code;
    index_[n] = index;
    for (int i = 0; i < counts[n]; ++i, ++code, ++index) {
      if (n > kShort) continue;
      const uint32_t from = code << (kShort - n);
      const uint32_t to = (code + 1) << (kShort - n);
      for (uint32_t c = from; c < to; ++c) short_codes_[c] = {static_cast<uint8_t>(n), symbols_[index]};
    }
    end_[n] = code;
  }
}

int HuffmanDecoder::decode_long(uint32_t next, BitReader& bits) const {
  for (int n = kShort + 1; n <= kMaxCodeLength; ++n) {
    const uint32_t code = next >> (kMaxCodeLength - n);
    if (code >= end_[n]) continue;
    bits.skip(n);
    return symbols_[index_[n] + code - first_[n]];
  }
  throw FormatError("bits that are not a Huffman code", bits.offset());
}

}  // namespace saliency_jpeg::codec
