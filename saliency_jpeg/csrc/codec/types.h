// The plain types that the codec's parts hand to each other.  Arrays belong to the caller; views only point at them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace jpegcore {

constexpr int kBlockSize = 64;        // coefficients in a DCT block
constexpr int kMaxDimension = 65535;  // T.81 B.2.2: X and Y are 16 bits
constexpr int kMaxComponents = 4;

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

// One colour component of a frame (T.81 B.2.2): sampling factors, quantization table, quantized levels.
struct Component {
  int id = 1;
  int h = 1;
  int v = 1;
  int table = 0;
  LevelView levels;
};

// One scan (T.81 B.2.3): indices into Frame::components and the progression parameters.
struct Scan {
  std::vector<int> components;
  int ss = 0;
  int se = 63;
  int ah = 0;
  int al = 0;
};

// AC coefficients ss..se in zigzag order, sent together.
struct Band {
  int ss = 1;
  int se = 63;
};

// Bytes between markers; `marker` is the marker's second byte (0xE1 for APP1).
struct Segment {
  int marker = 0;
  std::string payload;
};

struct Frame {
  int height = 0;
  int width = 0;
  bool progressive = false;
  int restart_interval = 0;  // MCUs; 0: none
  std::vector<Component> components;
  std::vector<QuantTable> tables;
  std::vector<Segment> segments;

  int max_h() const {
    int h = 1;
    for (const Component& c : components) h = h > c.h ? h : c.h;
    return h;
  }
  int max_v() const {
    int v = 1;
    for (const Component& c : components) v = v > c.v ? v : c.v;
    return v;
  }
};

inline int ceil_div(int a, int b) { return (a + b - 1) / b; }

// Blocks of a component along one axis (T.81 A.1.1, A.2.2): ceil(ceil(size * factor / max_factor) / 8).
inline int blocks_along(int size, int factor, int max_factor) {
  return ceil_div(ceil_div(size * factor, max_factor), 8);
}

}  // namespace jpegcore
