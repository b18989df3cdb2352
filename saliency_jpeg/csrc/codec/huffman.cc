#include "codec/huffman.h"

#include <algorithm>

#include "codec/constants.h"

namespace jpegcore {
namespace {

// A coin of the package-merge algorithm (Larmore and Hirschberg 1990): a set of symbols and its weight.  Sets are kept
// as two indices into the coins of the level before; leaves carry their symbol instead.
struct Coin {
  uint64_t weight;
  int symbol;  // -1: a package of coins `first` and `first + 1` of the level below
  int first;
};

constexpr int kReserved = 256;  // stands for the code of ones only, which no symbol may have

std::vector<Coin> leaves_by_weight(const Histogram& histogram) {
  std::vector<Coin> leaves{{0, kReserved, 0}};
  for (int s = 0; s < 256; ++s) {
    if (histogram[s] > 0) leaves.push_back({histogram[s], s, 0});
  }
  std::stable_sort(leaves.begin(), leaves.end(), [](const Coin& a, const Coin& b) { return a.weight < b.weight; });
  return leaves;
}

// Pairs the coins of one level and merges the pairs into the leaves.
std::vector<Coin> next_level(const std::vector<Coin>& level, const std::vector<Coin>& leaves) {
  std::vector<Coin> packages;
  for (int i = 0; i + 1 < static_cast<int>(level.size()); i += 2) {
    packages.push_back({level[i].weight + level[i + 1].weight, -1, i});
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
  // The cheapest 2n - 2 coins of the last level; each leaf among them and inside them adds one bit to its symbol.
  int taken = 2 * static_cast<int>(leaves.size()) - 2;
  for (int i = kMaxCodeLength - 1; i >= 0; --i) {
    int below = 0;
    for (int c = 0; c < taken; ++c) {
      const Coin& coin = levels[i][c];
      if (coin.symbol < 0) {
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
    for (int s = 0; s < 256; ++s) {
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

}  // namespace jpegcore
