#include "codec/transform.h"

#include <algorithm>
#include <vector>

#include "codec/color.h"
#include "codec/fdct.h"
#include "common/parallel.h"
#include "common/simd.h"

namespace saliency_jpeg::codec {
namespace {

// The samples of one row of MCUs: each component at full resolution, and the subsampled chroma.  The planes have a
// margin of one row and one column on each side for the chroma filter.
class Strip {
 public:
  Strip(const ImageView& image, int h, int v)
      : image_(image),
        h_(h),
        v_(v),
        halo_(v == 2 ? 1 : 0),
        width_(ceil_div(image.width, 8 * h) * 8 * h),
        stride_(width_ + 2 * kMargin) {
    for (int c = 0; c < image.channels; ++c) planes_.emplace_back((8 * v + 2) * stride_);
    narrow_.resize((8 * v + 2) * (width_ / h));
    chroma_.resize(8 * (width_ / h));
  }

  // Converts the pixel rows from `top` on.  Rows outside the image repeat the nearest row.
  void load(int top) {
    for (int y = -halo_; y < 8 * v_ + halo_; ++y) load_row(std::clamp(top + y, 0, image_.height - 1), y);
  }

  // Transforms the i-th row of luma blocks.
  void transform_luma(int i, int cols, float* out) { forward_dct_row(row(0, 8 * i), stride_, cols, out); }

  void transform_chroma(int c, int index, const BlockView<float>& out) {
    if (h_ == 1 && v_ == 1) {
      forward_dct_row(row(c, 0), stride_, out.cols, out.at(index, 0));
      return;
    }
    subsample(c);
    forward_dct_row(chroma_.data(), width_ / h_, out.cols, out.at(index, 0));
  }

 private:
  static constexpr int kMargin = 8;  // the filter needs one sample; eight keep the rows aligned

  // Row y of plane c, from -1 to 8 v: the first and the last are the margin.
  float* row(int c, int y) { return &planes_[c][(y + 1) * stride_ + kMargin]; }

  void load_row(int from, int y) {
    const uint8_t* pixels = image_.row(from);
    const int padded = static_cast<int>(width_) + 1;
    if (image_.channels == 1) {
      gray_row_to_y(pixels, image_.width, padded, row(0, y));
    } else {
      rgb_row_to_ycbcr(pixels, image_.width, padded, row(0, y), row(1, y), row(2, y));
    }
    for (int c = 1; c < image_.channels; ++c) row(c, y)[-1] = row(c, y)[0];
  }

  // Subsamples along the rows, then down the columns.
  void subsample(int c) {
    const int width = static_cast<int>(width_) / h_;
    const auto narrow = [&](int y) { return &narrow_[(y + 1) * width]; };
    for (int y = -halo_; y < 8 * v_ + halo_; ++y) subsample_row(row(c, y), width, narrow(y));
    for (int y = 0; y < 8; ++y) {
      float* out = &chroma_[static_cast<size_t>(y) * width];
      if (v_ == 2) {
        const float* rows[4] = {narrow(2 * y - 1), narrow(2 * y), narrow(2 * y + 1), narrow(2 * y + 2)};
        halve_rows(rows, width, out);
      } else {
        for (int x = 0; x < width; ++x) out[x] = column_mean(narrow(v_ * y) + x, width);
      }
    }
  }

  void subsample_row(const float* samples, int width, float* out) const {
    if (h_ == 2) {
      halve_row(samples, width, out);
    } else {
      average_row(samples, h_, width, out);
    }
  }

  float column_mean(const float* top, int width) const {
    float sum = 0;
    for (int y = 0; y < v_; ++y) sum += top[static_cast<size_t>(y) * width];
    return sum / static_cast<float>(v_);
  }

  const ImageView& image_;
  int h_, v_;
  int halo_;  // rows above and below that the filter needs
  size_t width_, stride_;
  std::vector<std::vector<float>> planes_;
  std::vector<float> narrow_, chroma_;
};

// Calls visit(strip, index) for each row of MCUs, with its samples loaded.
template <class Visit>
void for_each_strip(const ImageView& image, int h, int v, int threads, const Visit& visit) {
  const int count = ceil_div(image.height, 8 * v);
  const int grain = std::max(1, rows_in_part(ceil_div(image.width, 8)) / v);
  parallel_for(count, grain, threads, [&](int begin, int end) {
    Strip strip(image, h, v);
    for (int index = begin; index < end; ++index) {
      strip.load(index * 8 * v);
      visit(strip, index);
    }
  });
}

// The lanes of `sums` make the order of the additions the same for all vector widths.
SJ_INLINE double energy(const float* ac) {
  double sums[8] = {};
  for (int k = 0; k < kBlockSize; k += 8) {
    for (int lane = 0; lane < 8; ++lane) {
      const double c = k + lane == 0 ? 0 : ac[k + lane];
      sums[lane] += c * c;
    }
  }
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

SJ_MULTIVERSION
void summarize_row(const float* coefficients, int count, float* dc, double* activity) {
  for (int i = 0; i < count; ++i) {
    const float* block = coefficients + static_cast<size_t>(i) * kBlockSize;
    dc[i] = block[0];
    activity[i] = energy(block);
  }
}

}  // namespace

void forward_dct(const ImageView& image, int h, int v, int threads, const BlockView<float>* coefficients) {
  if (image.channels == 1) h = v = 1;
  const BlockView<float>& luma = coefficients[0];
  for_each_strip(image, h, v, threads, [&](Strip& strip, int index) {
    for (int row = index * v; row < std::min((index + 1) * v, luma.rows); ++row) {
      strip.transform_luma(row - index * v, luma.cols, luma.at(row, 0));
    }
    for (int c = 1; c < image.channels; ++c) strip.transform_chroma(c, index, coefficients[c]);
  });
}

void analyze(const ImageView& image, int h, int v, int threads, const LumaStatistics& luma,
             const BlockView<float>* chroma) {
  if (image.channels == 1) h = v = 1;
  const int rows = ceil_div(image.height, 8), cols = ceil_div(image.width, 8);
  for_each_strip(image, h, v, threads, [&](Strip& strip, int index) {
    std::vector<float> blocks(static_cast<size_t>(cols) * kBlockSize);
    for (int row = index * v; row < std::min((index + 1) * v, rows); ++row) {
      strip.transform_luma(row - index * v, cols, blocks.data());
      const size_t first = static_cast<size_t>(row) * cols;
      summarize_row(blocks.data(), cols, luma.dc + first, luma.activity + first);
    }
    for (int c = 1; c < image.channels; ++c) strip.transform_chroma(c, index, chroma[c - 1]);
  });
}

}  // namespace saliency_jpeg::codec
