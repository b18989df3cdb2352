#include "metrics/butteraugli_lines.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/simd.h"

namespace saliency_jpeg::metrics {
namespace {

constexpr int kReach = 4;
constexpr int kLines = 16;

struct Offset {
  int8_t y, x;
};
using Line = std::vector<Offset>;  // half of it: the other half lies opposite the centre, which belongs to it too

// Lines of nine samples, in sixteen directions.
const std::array<Line, kLines>& dense_lines() {
  static const std::array<Line, kLines> kAll = {{
      {{0, 1}, {0, 2}, {0, 3}, {0, 4}},
      {{1, 0}, {2, 0}, {3, 0}, {4, 0}},
      {{1, 1}, {2, 2}, {3, 3}},
      {{1, -1}, {2, -2}, {3, -3}},
      {{1, 0}, {2, -1}, {3, -1}, {4, -1}},
      {{1, 0}, {2, 1}, {3, 1}, {4, 1}},
      {{0, 1}, {1, 2}, {1, 3}, {1, 4}},
      {{0, 1}, {-1, 2}, {-1, 3}, {-1, 4}},
      {{1, 1}, {2, 1}, {3, 2}},
      {{1, -1}, {2, -1}, {3, -2}},
      {{1, 1}, {1, 2}, {2, 3}},
      {{1, -1}, {1, -2}, {2, -3}},
      {{0, 1}, {-1, 2}, {-1, 3}, {-1, 4}},
      {{0, 1}, {1, 2}, {1, 3}, {1, 4}},
      {{1, 0}, {2, 1}, {3, 1}, {4, 1}},
      {{1, 0}, {2, -1}, {3, -1}, {4, -1}},
  }};
  return kAll;
}

// Lines of five samples, for smooth planes.
const std::array<Line, kLines>& sparse_lines() {
  static const std::array<Line, kLines> kAll = {{
      {{0, 2}, {0, 4}},
      {{2, 0}, {4, 0}},
      {{2, 2}, {3, 3}},
      {{2, -2}, {3, -3}},
      {{2, -1}, {4, -1}},
      {{2, 1}, {4, 1}},
      {{1, 2}, {1, 4}},
      {{-1, 2}, {-1, 4}},
      {{2, 1}, {3, 2}},
      {{2, -1}, {3, -2}},
      {{1, 2}, {2, 3}},
      {{1, -2}, {2, -3}},
      {{-1, 2}, {-2, 4}},
      {{1, 2}, {2, 4}},
      {{2, 1}, {4, 2}},
      {{2, -1}, {4, -2}},
  }};
  return kAll;
}

// A plane with a margin of zeros, so that lines may leave it.
struct Margined {
  int height, width;
  size_t stride;
  std::vector<float> values;

  Margined(int h, int w)
      : height(h), width(w), stride(static_cast<size_t>(w) + 2 * kReach), values(stride * (h + 2 * kReach), 0.0f) {}
  float* row(int y) { return values.data() + stride * (y + kReach) + kReach; }
  const float* row(int y) const { return values.data() + stride * (y + kReach) + kReach; }
};

SJ_MULTIVERSION
void add_pair(const float* a, const float* b, int width, float* sums) {
  for (int x = 0; x < width; ++x) sums[x] += a[x] + b[x];
}

SJ_MULTIVERSION
void add_squares(const float* sums, int width, float weight, float* out) {
  for (int x = 0; x < width; ++x) out[x] += weight * sums[x] * sums[x];
}

SJ_MULTIVERSION
void set_product(const float* a, const float* b, int width, float weight, float* out) {
  for (int x = 0; x < width; ++x) out[x] = weight * a[x] * b[x];
}

void sum_line(const Margined& plane, const Line& line, int y, float* sums) {
  std::copy(plane.row(y), plane.row(y) + plane.width, sums);
  for (const Offset& o : line) {
    add_pair(plane.row(y + o.y) + o.x, plane.row(y - o.y) - o.x, plane.width, sums);
  }
}

// The lines that differ, and how often each occurs.
std::vector<std::pair<const Line*, float>> counted(const std::array<Line, kLines>& lines) {
  std::vector<std::pair<const Line*, float>> found;
  const auto same = [](const Line& a, const Line& b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](const Offset& p, const Offset& q) {
             return p.y == q.y && p.x == q.x;
           });
  };
  for (const Line& line : lines) {
    bool known = false;
    for (auto& [other, times] : found) {
      if (same(*other, line)) {
        times += 1;
        known = true;
      }
    }
    if (!known) found.push_back({&line, 1.0f});
  }
  return found;
}

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

Margined line_differences(const Plane& a, const Plane& b, const LineDifference& difference, int threads) {
  Margined plane(a.height, a.width);
  for_rows(a.height, threads, [&](int y) {
    const float *p = a.row(y), *q = b.row(y);
    float* const to = plane.row(y);
    for (int x = 0; x < a.width; ++x) to[x] = difference.value(p[x], q[x]);
  });
  return plane;
}

}  // namespace

void add_lines(const Plane& a, const Plane& b, const LineWeights& weights, int threads, Plane& sum) {
  const Margined plane = line_differences(a, b, LineDifference(weights), threads);
  const auto lines = counted(weights.dense ? dense_lines() : sparse_lines());
  parallel_for(a.height, 16, threads, [&](int begin, int end) {
    std::vector<float> sums(static_cast<size_t>(a.width));
    for (int y = begin; y < end; ++y) {
      for (const auto& [line, times] : lines) {
        sum_line(plane, *line, y, sums.data());
        add_squares(sums.data(), a.width, times, sum.row(y));
      }
    }
  });
}

void pull_back_lines(const Plane& a, const Plane& b, const LineWeights& weights, const Plane& gradient, int threads,
                     Plane& by_b) {
  const LineDifference difference(weights);
  const Margined plane = line_differences(a, b, difference, threads);
  const auto lines = counted(weights.dense ? dense_lines() : sparse_lines());
  Plane by_difference = like(a);
  Margined effect(a.height, a.width);
  for (const auto& counted_line : lines) {
    const Line& line = *counted_line.first;
    const float factor = 2 * counted_line.second;
    parallel_for(a.height, 16, threads, [&](int begin, int end) {
      std::vector<float> sums(static_cast<size_t>(a.width));
      for (int y = begin; y < end; ++y) {
        sum_line(plane, line, y, sums.data());
        set_product(sums.data(), gradient.row(y), a.width, factor, effect.row(y));
      }
    });
    parallel_for(a.height, 16, threads, [&](int begin, int end) {
      for (int y = begin; y < end; ++y) {
        float* const to = by_difference.row(y);
        for (int x = 0; x < a.width; ++x) to[x] += effect.row(y)[x];
        for (const Offset& o : line) add_pair(effect.row(y + o.y) + o.x, effect.row(y - o.y) - o.x, a.width, to);
      }
    });
  }
  for_rows(a.height, threads, [&](int y) {
    const float *p = a.row(y), *q = b.row(y), *g = by_difference.row(y);
    float* const to = by_b.row(y);
    for (int x = 0; x < a.width; ++x) to[x] += g[x] * difference.slope(p[x], q[x]);
  });
}

}  // namespace saliency_jpeg::metrics
