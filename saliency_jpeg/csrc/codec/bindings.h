// What the binding files of the codec share.
#pragma once

#include <utility>
#include <vector>

#include "codec/bands.h"
#include "codec/types.h"
#include "common/bindings.h"

namespace saliency_jpeg::codec {

// Each adds functions to the module _core.
void bind_encode(py::module_& m);  // pixels to coefficients to levels
void bind_write(py::module_& m);   // counts and costs of symbols; levels to a file
void bind_decode(py::module_& m);  // a file, and what layers hold, to levels to samples and pixels

// Returns a view of blocks of shape (rows, cols, 64).
template <class T>
BlockView<const T> block_view(const Array<T>& array, const char* name) {
  require_shape(array, {kAnyLength, kAnyLength, kBlockSize}, name);
  return {array.data(), static_cast<int>(array.shape(0)), static_cast<int>(array.shape(1))};
}

template <class T>
BlockView<T> mutable_block_view(Array<T>& array, const char* name) {
  require_shape(array, {kAnyLength, kAnyLength, kBlockSize}, name);
  return {array.mutable_data(), static_cast<int>(array.shape(0)), static_cast<int>(array.shape(1))};
}

template <class T>
Array<T> new_blocks(int rows, int cols) {
  return new_array<T>({rows, cols, kBlockSize});
}

// Returns the 64 steps of a quantization table.
inline const uint16_t* table_of(const Array<uint16_t>& table) {
  const uint16_t* steps = vector_of(table, kBlockSize, "table");
  for (int i = 0; i < kBlockSize; ++i) require_in(steps[i], 1, kMaxStep, "a quantization step");
  return steps;
}

using BandPairs = std::vector<std::pair<int, int>>;  // (Ss, Se)

// Checks that the bands follow each other from 1 to 63.
inline Division division_of(const BandPairs& pairs) {
  Division bands;
  int next = 1;
  for (const auto& [ss, se] : pairs) {
    require(ss == next && in_range(se, ss, kLastCoefficient), "bands must follow each other from 1 to 63");
    bands.push_back({ss, se});
    next = se + 1;
  }
  require(next == kBlockSize, "bands must follow each other from 1 to 63");
  return bands;
}

inline int checked_threads(int threads) {
  require_in(threads, 1, 1024, "threads");
  return threads;
}

}  // namespace saliency_jpeg::codec
