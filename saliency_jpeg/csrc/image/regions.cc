#include "image/regions.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace saliency_jpeg::image {
namespace {

using Cell = std::pair<int, int>;

void fill_part(const ImageView& mask, Cell start, int label, int32_t* labels) {
  std::vector<Cell> open{start};
  labels[start.first * mask.width + start.second] = label;
  while (!open.empty()) {
    const auto [row, col] = open.back();
    open.pop_back();
    for (int y = std::max(row - 1, 0); y <= std::min(row + 1, mask.height - 1); ++y) {
      for (int x = std::max(col - 1, 0); x <= std::min(col + 1, mask.width - 1); ++x) {
        int32_t& found = labels[y * mask.width + x];
        if (!mask.row(y)[x] || found) continue;
        found = label;
        open.emplace_back(y, x);
      }
    }
  }
}

// Steps to the cells before a cell, row by row, and their lengths.
struct Step {
  int down;
  int across;
  float length;
};
constexpr float kSide = 1.0f, kCorner = 1.4f, kKnight = 2.1969f;
constexpr Step kSteps[] = {{-2, -1, kKnight}, {-2, 1, kKnight}, {-1, -2, kKnight}, {-1, -1, kCorner},
                           {-1, 0, kSide},    {-1, 1, kCorner}, {-1, 2, kKnight},  {0, -1, kSide}};
constexpr float kFar = std::numeric_limits<float>::max();

}  // namespace

int label_parts(const ImageView& mask, int32_t* labels) {
  std::fill(labels, labels + mask.pixels(), 0);
  int parts = 0;
  for (int row = 0; row < mask.height; row += 2) {
    for (int col = 0; col < mask.width; col += 2) {
      for (int y = row; y < std::min(row + 2, mask.height); ++y) {
        for (int x = col; x < std::min(col + 2, mask.width); ++x) {
          if (mask.row(y)[x] && !labels[y * mask.width + x]) fill_part(mask, {y, x}, ++parts, labels);
        }
      }
    }
  }
  return parts;
}

void distance_to_zero(const ImageView& mask, float* distances) {
  const auto at = [&](int y, int x) -> float& { return distances[static_cast<size_t>(y) * mask.width + x]; };
  const auto relax = [&](int row, int col, int sign) {
    for (const Step& step : kSteps) {
      const int y = row + sign * step.down, x = col + sign * step.across;
      if (y < 0 || y >= mask.height || x < 0 || x >= mask.width) continue;
      at(row, col) = std::min(at(row, col), at(y, x) + step.length);
    }
  };
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      at(y, x) = mask.row(y)[x] ? kFar : 0.0f;
      if (mask.row(y)[x]) relax(y, x, 1);
    }
  }
  for (int y = mask.height - 1; y >= 0; --y) {
    for (int x = mask.width - 1; x >= 0; --x) relax(y, x, -1);
  }
}

}  // namespace saliency_jpeg::image
