// Plain types that the parts of the codec exchange.  Views point at arrays of the caller.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "codec/limits.h"
#include "common/ceil_div.h"

namespace saliency_jpeg::codec {

using QuantTable = std::array<uint16_t, kBlockSize>;  // natural order

// A (rows, cols, 64) array of DCT blocks, natural order inside a block.
template <class T>
struct BlockView {
  T* data = nullptr;
  int rows = 0;
  int cols = 0;

  size_t count() const { return static_cast<size_t>(rows) * cols; }
  T* at(int row, int col) const { return data + (static_cast<size_t>(row) * cols + col) * kBlockSize; }
  T* at(size_t index) const { return data + index * kBlockSize; }
};
using CoefficientView = BlockView<const float>;
using LevelView = BlockView<const int16_t>;

// One component of a frame (B.2.2): sampling factors, quantization table, quantized levels.
struct Component {
  int id = 1;
  int h = 1;
  int v = 1;
  int table = 0;  // index into Frame::tables
  LevelView levels;
};

// One scan (B.2.3): indices into Frame::components, spectral selection and successive approximation.
struct Scan {
  std::vector<int> components;
  int ss = 0;
  int se = kLastCoefficient;
  int ah = 0;
  int al = 0;
};

// AC coefficients ss..se in zigzag order, sent in one scan.
struct Band {
  int ss = 1;
  int se = kLastCoefficient;
};

// Bytes between markers.
struct Segment {
  int marker = 0;  // second byte of the marker, 0xE1 for APP1
  std::string payload;
};

struct Frame {
  int height = 0;
  int width = 0;
  bool progressive = false;
  int restart_interval = 0;  // in MCUs; 0: no restart markers
  std::vector<Component> components;
  std::vector<QuantTable> tables;
  std::vector<Segment> segments;

  int max_h() const {
    int h = 1;
    for (const Component& c : components) h = std::max(h, c.h);
    return h;
  }
  int max_v() const {
    int v = 1;
    for (const Component& c : components) v = std::max(v, c.v);
    return v;
  }
};

// Blocks of a component along one axis: ceil(ceil(size * factor / max_factor) / 8), A.1.1 and A.2.2.
inline int blocks_along(int size, int factor, int max_factor) {
  return ceil_div(ceil_div(size * factor, max_factor), 8);
}

// MCUs of an interleaved scan along one axis: A.2.3.
inline int mcus_along(int size, int max_factor) { return ceil_div(size, 8 * max_factor); }

}  // namespace saliency_jpeg::codec
