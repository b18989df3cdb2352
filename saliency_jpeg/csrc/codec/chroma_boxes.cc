#include "codec/chroma_boxes.h"

#include <algorithm>
#include <mutex>
#include <vector>

#include "common/parallel.h"
#include "common/simd.h"

namespace saliency_jpeg::codec {
namespace {

// Red less green and blue less green of one row of pixels.
struct Differences {
  std::vector<int16_t> red, blue;

  explicit Differences(size_t width) : red(width), blue(width) {}
};

SJ_MULTIVERSION
void subtract_green(const uint8_t* rgb, int width, int16_t* red, int16_t* blue) {
  for (int x = 0; x < width; ++x) {
    const int green = rgb[3 * x + 1];
    red[x] = static_cast<int16_t>(rgb[3 * x] - green);
    blue[x] = static_cast<int16_t>(rgb[3 * x + 2] - green);
  }
}

SJ_INLINE int16_t spread_of(const int16_t* upper, const int16_t* lower) {
  const int16_t highest = std::max(std::max(upper[0], upper[1]), std::max(lower[0], lower[1]));
  const int16_t lowest = std::min(std::min(upper[0], upper[1]), std::min(lower[0], lower[1]));
  return static_cast<int16_t>(highest - lowest);
}

struct Limits {
  int16_t first, second;
};

// Counts in 16 bits, which hold the boxes of the widest row, so that the loop fills vectors well.
SJ_MULTIVERSION
void count_row(const int16_t* red, const int16_t* lower_red, const int16_t* blue, const int16_t* lower_blue, int boxes,
               Limits limits, BoxCounts& counts) {
  uint16_t above_first = 0, above_second = 0, zero = 0;
  for (int i = 0; i < boxes; ++i) {
    const int16_t spread =
        std::max(spread_of(red + 2 * i, lower_red + 2 * i), spread_of(blue + 2 * i, lower_blue + 2 * i));
    above_first = static_cast<uint16_t>(above_first + (spread > limits.first));
    above_second = static_cast<uint16_t>(above_second + (spread > limits.second));
    zero = static_cast<uint16_t>(zero + (spread == 0));
  }
  counts.above_first += above_first;
  counts.above_second += above_second;
  counts.zero += zero;
}

}  // namespace

std::array<BoxCounts, 2> count_chroma_boxes(const ImageView& image, int first_limit, int second_limit, int threads) {
  const Limits limits{static_cast<int16_t>(first_limit), static_cast<int16_t>(second_limit)};
  std::array<BoxCounts, 2> totals;
  std::mutex guard;
  const int grain = 8 * rows_in_part(ceil_div(image.width, 8));
  parallel_for(image.height - 1, grain, threads, [&](int begin, int end) {
    std::array<BoxCounts, 2> counts;
    Differences upper(image.width), lower(image.width);
    subtract_green(image.row(begin), image.width, upper.red.data(), upper.blue.data());
    for (int y = begin; y < end; ++y) {
      subtract_green(image.row(y + 1), image.width, lower.red.data(), lower.blue.data());
      const int left = y % 2;
      count_row(&upper.red[left], &lower.red[left], &upper.blue[left], &lower.blue[left], (image.width - left) / 2,
                limits, counts[left]);
      std::swap(upper, lower);
    }
    const std::lock_guard<std::mutex> lock(guard);
    for (int i : {0, 1}) {
      totals[i].above_first += counts[i].above_first;
      totals[i].above_second += counts[i].above_second;
      totals[i].zero += counts[i].zero;
    }
  });
  return totals;
}

}  // namespace saliency_jpeg::codec
