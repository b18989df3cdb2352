#include "metrics/butteraugli_lines.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "common/ceil_div.h"
#include "common/simd.h"

namespace saliency_jpeg::metrics {
namespace {

// Work is done on tiles with a margin.  What lies outside the image is zero.
constexpr int kReach = 4;  // of a line
constexpr int kMargin = 2 * kReach;
constexpr int kTileRows = 64, kTileColumns = 256;
constexpr int kStride = kTileColumns + 2 * kMargin;
constexpr int kTileSize = (kTileRows + 2 * kMargin) * kStride;

struct Step {
  int y, x;
};

// One half of a line, without its centre; the other half is its mirror image.
struct Line {
  float weight;  // a line that stands twice in libjxl's list weighs 2
  Step steps[4];
};

constexpr int kSparseSteps = 2, kSparseLines = 16;
constexpr Line kSparse[kSparseLines] = {
    {1.0f, {{0, 2}, {0, 4}}},   {1.0f, {{2, 0}, {4, 0}}},   {1.0f, {{2, 2}, {3, 3}}}, {1.0f, {{2, -2}, {3, -3}}},
    {1.0f, {{2, -1}, {4, -1}}}, {1.0f, {{2, 1}, {4, 1}}},   {1.0f, {{1, 2}, {1, 4}}}, {1.0f, {{-1, 2}, {-1, 4}}},
    {1.0f, {{2, 1}, {3, 2}}},   {1.0f, {{2, -1}, {3, -2}}}, {1.0f, {{1, 2}, {2, 3}}}, {1.0f, {{1, -2}, {2, -3}}},
    {1.0f, {{-1, 2}, {-2, 4}}}, {1.0f, {{1, 2}, {2, 4}}},   {1.0f, {{2, 1}, {4, 2}}}, {1.0f, {{2, -1}, {4, -2}}}};

constexpr int kLongSteps = 4, kLongLines = 6;
constexpr Line kLong[kLongLines] = {
    {1.0f, {{0, 1}, {0, 2}, {0, 3}, {0, 4}}},    {1.0f, {{1, 0}, {2, 0}, {3, 0}, {4, 0}}},
    {2.0f, {{1, 0}, {2, -1}, {3, -1}, {4, -1}}}, {2.0f, {{1, 0}, {2, 1}, {3, 1}, {4, 1}}},
    {2.0f, {{0, 1}, {1, 2}, {1, 3}, {1, 4}}},    {2.0f, {{0, 1}, {-1, 2}, {-1, 3}, {-1, 4}}}};

constexpr int kSlantSteps = 3, kSlantLines = 6;
constexpr Line kSlant[kSlantLines] = {{1.0f, {{1, 1}, {2, 2}, {3, 3}}}, {1.0f, {{1, -1}, {2, -2}, {3, -3}}},
                                      {1.0f, {{1, 1}, {2, 1}, {3, 2}}}, {1.0f, {{1, -1}, {2, -1}, {3, -2}}},
                                      {1.0f, {{1, 1}, {1, 2}, {2, 3}}}, {1.0f, {{1, -1}, {1, -2}, {2, -3}}}};

template <int kSteps>
struct Offsets {
  explicit Offsets(const Line& line) {
    for (int i = 0; i < kSteps; ++i) at[i] = line.steps[i].y * kStride + line.steps[i].x;
  }
  std::ptrdiff_t at[kSteps];
};

template <int kSteps>
SJ_INLINE float line_sum(const float* center, const std::ptrdiff_t* at) {
  float sum = center[0];
  for (int i = 0; i < kSteps; ++i) sum += center[at[i]] + center[-at[i]];
  return sum;
}

// ---- loops over the rows of a tile; pointers are to its first pixel -------------------------------------------------

template <int kSteps>
SJ_INLINE void add_squares(const float* in, const std::ptrdiff_t* at, float weight, int rows, int columns, float* out) {
  for (int y = 0; y < rows; ++y, in += kStride, out += kStride) {
    SJ_INDEPENDENT
    for (int x = 0; x < columns; ++x) {
      const float sum = line_sum<kSteps>(in + x, at);
      out[x] += weight * sum * sum;
    }
  }
}

// Sets `out` to the derivative of a line's squares, times `gradient`.
template <int kSteps>
SJ_INLINE void scale_sums(const float* in, const std::ptrdiff_t* at, float weight, const float* gradient, int rows,
                          int columns, float* out) {
  for (int y = 0; y < rows; ++y, in += kStride, gradient += kStride, out += kStride) {
    SJ_INDEPENDENT
    for (int x = 0; x < columns; ++x) out[x] = 2.0f * weight * gradient[x] * line_sum<kSteps>(in + x, at);
  }
}

template <int kSteps>
SJ_INLINE void add_sums(const float* in, const std::ptrdiff_t* at, int rows, int columns, float* out) {
  for (int y = 0; y < rows; ++y, in += kStride, out += kStride) {
    SJ_INDEPENDENT
    for (int x = 0; x < columns; ++x) out[x] += line_sum<kSteps>(in + x, at);
  }
}

// SJ_MULTIVERSION is not for templates.
#define SJ_FOR_STEPS(kSteps)                                                                                         \
  SJ_MULTIVERSION                                                                                                    \
  void add_squares_of(const Offsets<kSteps>& offsets, const float* in, float weight, int rows, int columns,          \
                      float* out) {                                                                                  \
    add_squares<kSteps>(in, offsets.at, weight, rows, columns, out);                                                 \
  }                                                                                                                  \
  SJ_MULTIVERSION                                                                                                    \
  void scale_sums_of(const Offsets<kSteps>& offsets, const float* in, float weight, const float* gradient, int rows, \
                     int columns, float* out) {                                                                      \
    scale_sums<kSteps>(in, offsets.at, weight, gradient, rows, columns, out);                                        \
  }                                                                                                                  \
  SJ_MULTIVERSION                                                                                                    \
  void add_sums_of(const Offsets<kSteps>& offsets, const float* in, int rows, int columns, float* out) {             \
    add_sums<kSteps>(in, offsets.at, rows, columns, out);                                                            \
  }

SJ_FOR_STEPS(2)
SJ_FOR_STEPS(3)
SJ_FOR_STEPS(4)
#undef SJ_FOR_STEPS

// Differences that are larger where samples shrink to 55 % or grow beyond 105 %.
struct LineDifference {
  float even, uneven, norm;  // at samples of 0

  explicit LineDifference(const LineWeights& w) {
    const double factor = (w.dense ? 0.39905817637 : 0.611612573796) / (3.75 * 2 + 1);
    even = static_cast<float>(factor * std::sqrt(0.5 * w.added) * w.norm);
    uneven = static_cast<float>(factor * std::sqrt(0.33 * w.lost) * w.norm);
    norm = static_cast<float>(w.norm);
  }

  SJ_INLINE float value(float a, float b) const {
    const float scale = 1 / (norm + 0.5f * (std::fabs(a) + std::fabs(b)));
    const float size = std::fabs(a), along = a < 0 ? -b : b, difference = a - b;
    const float impact = along < 0.55f * size ? 0.55f * size - along : along > 1.05f * size ? along - 1.05f * size : 0;
    return scale * (even * difference + (difference < 0 ? -uneven : uneven) * impact);
  }

  // The derivative by b.
  SJ_INLINE float slope(float a, float b) const {
    const float scale = 1 / (norm + 0.5f * (std::fabs(a) + std::fabs(b)));
    const float size = std::fabs(a), direction = a < 0 ? -1.0f : 1.0f, along = direction * b, difference = a - b;
    const bool small = along < 0.55f * size, big = along > 1.05f * size;
    const float impact = small ? 0.55f * size - along : big ? along - 1.05f * size : 0;
    const float by_impact = small ? -direction : big ? direction : 0;
    const float sign = difference < 0 ? -uneven : uneven;
    const float value = scale * (even * difference + sign * impact);
    return scale * (sign * by_impact - even) - value * scale * 0.5f * (b < 0 ? -1.0f : 1.0f);
  }
};

SJ_MULTIVERSION
void difference_row(const LineDifference difference, const float* reference, const float* distorted, int count,
                    float* out) {
  SJ_INDEPENDENT
  for (int x = 0; x < count; ++x) out[x] = difference.value(reference[x], distorted[x]);
}

SJ_MULTIVERSION
void add_by_slope(const LineDifference difference, const float* reference, const float* distorted, const float* in,
                  int count, float* out) {
  SJ_INDEPENDENT
  for (int x = 0; x < count; ++x) out[x] += in[x] * difference.slope(reference[x], distorted[x]);
}

// The part of an image that a tile covers, and its neighbourhood.
class Tile {
 public:
  Tile(const Plane& plane, int index)
      : height_(plane.height),
        width_(plane.width),
        top_(index / across(plane) * kTileRows),
        left_(index % across(plane) * kTileColumns) {}

  static int across(const Plane& plane) { return ceil_div(plane.width, kTileColumns); }
  static int count(const Plane& plane) { return across(plane) * ceil_div(plane.height, kTileRows); }

  int rows() const { return std::min(kTileRows, height_ - top_); }
  int columns() const { return std::min(kTileColumns, width_ - left_); }
  const float* in(const Plane& plane, int row) const { return plane.row(top_ + row) + left_; }
  float* in(Plane& plane, int row) const { return plane.row(top_ + row) + left_; }

  // Where the tile's first pixel lies in a buffer of kTileSize.
  static float* first(std::vector<float>& buffer) { return buffer.data() + kMargin * kStride + kMargin; }

  // Calls fill(row, column, count, out) for the pixels of the tile and of the margin that the image has, and sets the
  // others to zero.
  template <class Fill>
  void gather(int margin, std::vector<float>& buffer, const Fill& fill) const {
    const int begin = std::max(-margin, -left_), end = std::min(columns() + margin, width_ - left_);
    for (int row = -margin; row < rows() + margin; ++row) {
      float* out = first(buffer) + row * kStride;
      const bool inside = top_ + row >= 0 && top_ + row < height_;
      std::fill(out - margin, out + (inside ? begin : columns() + margin), 0.0f);
      if (!inside) continue;
      fill(top_ + row, left_ + begin, end - begin, out + begin);
      std::fill(out + end, out + columns() + margin, 0.0f);
    }
  }

 private:
  const int height_, width_;
  int top_, left_;
};

void gather_differences(const Tile& tile, int margin, const LineDifference& difference, const Plane& a, const Plane& b,
                        std::vector<float>& buffer) {
  tile.gather(margin, buffer, [&](int y, int x, int count, float* out) {
    difference_row(difference, a.row(y) + x, b.row(y) + x, count, out);
  });
}

// Calls visit(offsets, weight) for each line.
template <class Visit>
void for_lines(bool dense, const Visit& visit) {
  if (!dense) {
    for (const Line& line : kSparse) visit(Offsets<kSparseSteps>(line), line.weight);
    return;
  }
  for (const Line& line : kLong) visit(Offsets<kLongSteps>(line), line.weight);
  for (const Line& line : kSlant) visit(Offsets<kSlantSteps>(line), line.weight);
}

}  // namespace

void add_lines(const Plane& a, const Plane& b, const LineWeights& weights, int threads, Plane& sum) {
  const LineDifference difference(weights);
  parallel_for(Tile::count(sum), 1, threads, [&](int index, int) {
    const Tile tile(sum, index);
    std::vector<float> differences(kTileSize), squares(kTileSize);
    gather_differences(tile, kReach, difference, a, b, differences);
    for_lines(weights.dense, [&](const auto& offsets, float weight) {
      add_squares_of(offsets, Tile::first(differences), weight, tile.rows(), tile.columns(), Tile::first(squares));
    });
    for (int y = 0; y < tile.rows(); ++y) {
      const float* from = Tile::first(squares) + y * kStride;
      float* to = tile.in(sum, y);
      for (int x = 0; x < tile.columns(); ++x) to[x] += from[x];
    }
  });
}

void pull_back_lines(const Plane& a, const Plane& b, const LineWeights& weights, const Plane& gradient, int threads,
                     Plane& by_b) {
  const LineDifference difference(weights);
  parallel_for(Tile::count(by_b), 1, threads, [&](int index, int) {
    const Tile tile(by_b, index);
    std::vector<float> differences(kTileSize), by_sum(kTileSize), scaled(kTileSize), by_difference(kTileSize);
    gather_differences(tile, kMargin, difference, a, b, differences);
    tile.gather(kReach, by_sum,
                [&](int y, int x, int count, float* out) { std::copy_n(gradient.row(y) + x, count, out); });
    const int corner = -kReach * kStride - kReach;
    for_lines(weights.dense, [&](const auto& offsets, float weight) {
      scale_sums_of(offsets, Tile::first(differences) + corner, weight, Tile::first(by_sum) + corner,
                    tile.rows() + 2 * kReach, tile.columns() + 2 * kReach, Tile::first(scaled) + corner);
      add_sums_of(offsets, Tile::first(scaled), tile.rows(), tile.columns(), Tile::first(by_difference));
    });
    for (int y = 0; y < tile.rows(); ++y) {
      add_by_slope(difference, tile.in(a, y), tile.in(b, y), Tile::first(by_difference) + y * kStride, tile.columns(),
                   tile.in(by_b, y));
    }
  });
}

}  // namespace saliency_jpeg::metrics
