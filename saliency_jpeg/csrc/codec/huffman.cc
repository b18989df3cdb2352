#include "codec/huffman.h"

#include <algorithm>

namespace saliency_jpeg::codec {
namespace {

// A coin of the package-merge algorithm (Larmore and Hirschberg, "A fast algorithm for optimal length-limited Huffman
// codes", 1990): one symbol, or a package of two coins of the level before.
struct Coin {
  uint64_t weight;
  int symbol;  // kPackage: coins `first` and `first + 1` of the level before
  int first;
};

constexpr int kPackage = -1;
constexpr int kReserved = kMaxSymbols;  // a symbol that takes the code of one-bits only, so that no other gets it

std::vector<Coin> leaves_by_weight(const Histogram& histogram) {
  std::vector<Coin> leaves{{0, kReserved, 0}};
  for (int s = 0; s < kMaxSymbols; ++s) {
    if (histogram[s] > 0) leaves.push_back({histogram[s], s, 0});
  }
  std::stable_sort(leaves.begin(), leaves.end(), [](const Coin& a, const Coin& b) { return a.weight < b.weight; });
  return leaves;
}

// Pairs the coins of one level and merges the pairs into the leaves.
std::vector<Coin> next_level(const std::vector<Coin>& level, const std::vector<Coin>& leaves) {
  std::vector<Coin> packages;
  for (int i = 0; i + 1 < static_cast<int>(level.size()); i += 2) {
    packages.push_back({level[i].weight + level[i + 1].weight, kPackage, i});
  }
  std::vector<Coin> merged(leaves.size() + packages.size());
  std::merge(leaves.begin(), leaves.end(), packages.begin(), packages.end(), merged.begin(),
             [](const Coin& a, const Coin& b) { return a.weight < b.weight; });
  return merged;
}

}  // namespace

CodeLengths optimal_code_lengths(const Histogram& histogram) {
  const std::vector<Coin> leaves = leaves_by_weight(histogram);
  CodeLengths lengths{};
  if (leaves.size() < 2) return lengths;
  std::vector<std::vector<Coin>> levels{leaves};
  for (int i = 1; i < kMaxCodeLength; ++i) levels.push_back(next_level(levels.back(), leaves));
  // Take the 2n - 2 lightest coins of the last level.  Each symbol among them and in their packages gets one bit more.
  int taken = 2 * static_cast<int>(leaves.size()) - 2;
  for (int i = kMaxCodeLength - 1; i >= 0; --i) {
    int below = 0;
    for (int c = 0; c < taken; ++c) {
      const Coin& coin = levels[i][c];
      if (coin.symbol == kPackage) {
        below = std::max(below, coin.first + 2);
      } else if (coin.symbol != kReserved) {
        ++lengths[coin.symbol];
      }
    }
    taken = below;
  }
  return lengths;
}

HuffmanCode::HuffmanCode(const CodeLengths& lengths) : length(lengths) {
  uint32_t next = 0;
  for (int n = 1; n <= kMaxCodeLength; ++n) {  // T.81 C.2
    next <<= 1;
    for (int s = 0; s < kMaxSymbols; ++s) {
      if (lengths[s] != n) continue;
      code[s] = static_cast<uint16_t>(next++);
      ++counts[n];
      symbols.push_back(static_cast<uint8_t>(s));
    }
  }
}

std::string HuffmanCode::table_bytes() const {
  std::string bytes(counts.begin() + 1, counts.end());
  bytes.append(symbols.begin(), symbols.end());
  return bytes;
}

}  // namespace saliency_jpeg::codec
