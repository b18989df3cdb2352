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
  packages.reserve(level.size() / 2);
  for (int i = 0; i + 1 < static_cast<int>(level.size()); i += 2) {
    packages.push_back({level[i].weight + level[i + 1].weight, kPackage, i});
  }
  std::vector<Coin> merged(leaves.size() + packages.size());
  std::merge(leaves.begin(), leaves.end(), packages.begin(), packages.end(), merged.begin(),
             [](const Coin& a, const Coin& b) { return a.weight < b.weight; });
  return merged;
}

// Bits of a Huffman code for `weights`, which are sorted, and the length of its longest code.
struct HuffmanTotal {
  uint64_t bits = 0;
  int longest = 0;
};

// Merges the two lightest trees until one is left (Huffman 1952).  The trees that are made come in the order of their
// weights, so two queues take the place of a heap.
HuffmanTotal huffman_total(const std::vector<uint64_t>& weights) {
  struct Tree {
    uint64_t weight;
    int depth;
  };
  std::array<Tree, kMaxSymbols + 1> made;
  size_t leaf = 0, first = 0, last = 0;
  const auto take = [&] {
    const bool is_leaf = leaf < weights.size() && (first == last || weights[leaf] <= made[first].weight);
    return is_leaf ? Tree{weights[leaf++], 0} : made[first++];
  };
  HuffmanTotal total;
  for (size_t i = 1; i < weights.size(); ++i) {
    const Tree a = take(), b = take();
    made[last++] = {a.weight + b.weight, std::max(a.depth, b.depth) + 1};
    total.bits += a.weight + b.weight;
    total.longest = made[last - 1].depth;
  }
  return total;
}

}  // namespace

uint64_t optimal_code_bits(const Histogram& histogram) {
  std::vector<uint64_t> weights{0};  // that of the symbol that takes the code of one-bits only
  for (uint32_t count : histogram) {
    if (count > 0) weights.push_back(count);
  }
  std::sort(weights.begin(), weights.end());
  const HuffmanTotal total = huffman_total(weights);
  if (total.longest <= kMaxCodeLength) return total.bits;
  const CodeLengths lengths = optimal_code_lengths(histogram);
  uint64_t bits = 0;
  for (int s = 0; s < kMaxSymbols; ++s) bits += static_cast<uint64_t>(histogram[s]) * lengths[s];
  return bits;
}

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
