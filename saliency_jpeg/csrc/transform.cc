#include "transform.h"

#include <algorithm>
#include <vector>

#include "color.h"
#include "fdct.h"

namespace jpegcore {
namespace {

// One strip of samples, `rows` x `stride`, for each component at full resolution, and one for averaged chroma.
class Strip {
 public:
  Strip(const ImageView& image, int h, int v)
      : image_(image), h_(h), v_(v), rows_(8 * v), stride_(ceil_div(image.width, 8 * h) * 8 * h) {
    for (int c = 0; c < image.channels; ++c) planes_.emplace_back(rows_ * stride_);
    if (image.channels == 3 && h * v > 1) averaged_.resize(8 * (stride_ / h));
  }

  // Converts the pixel rows from `top` on; rows below the image repeat its last one.
  void load(int top) {
    const int valid = std::min(static_cast<int>(rows_), image_.height - top);
    for (int y = 0; y < valid; ++y) load_row(top + y, y * stride_);
    for (size_t y = valid; y < rows_; ++y) {
      for (auto& plane : planes_) {
        std::copy_n(plane.begin() + (valid - 1) * stride_, stride_, plane.begin() + y * stride_);
      }
    }
  }

  void transform_luma(int index, const BlockView<float>& out) const {
    for (int i = 0; i < v_ && index * v_ + i < out.rows; ++i) {
      forward_dct_row(planes_[0].data() + 8 * i * stride_, stride_, out.cols, out.at(index * v_ + i, 0));
    }
  }

  void transform_chroma(int c, int index, const BlockView<float>& out) {
    const float* samples = planes_[c].data();
    const size_t stride = stride_ / h_;
    if (h_ * v_ > 1) {
      for (int y = 0; y < 8; ++y) {
        average_row(samples + y * v_ * stride_, stride_, h_, v_, static_cast<int>(stride), &averaged_[y * stride]);
      }
      samples = averaged_.data();
    }
    forward_dct_row(samples, stride, out.cols, out.at(index, 0));
  }

 private:
  void load_row(int row, size_t offset) {
    const uint8_t* pixels = image_.data + static_cast<size_t>(row) * image_.width * image_.channels;
    const int padded = static_cast<int>(stride_);
    if (image_.channels == 1) {
      gray_row(pixels, image_.width, padded, &planes_[0][offset]);
    } else {
      rgb_row_to_ycbcr(pixels, image_.width, padded, &planes_[0][offset], &planes_[1][offset], &planes_[2][offset]);
    }
  }

  const ImageView& image_;
  int h_, v_;
  size_t rows_, stride_;
  std::vector<std::vector<float>> planes_;
  std::vector<float> averaged_;
};

}  // namespace

void forward_dct(const ImageView& image, int h, int v, const BlockView<float>* coefficients) {
  if (image.channels == 1) h = v = 1;
  Strip strip(image, h, v);
  for (int index = 0; index * 8 * v < image.height; ++index) {
    strip.load(index * 8 * v);
    strip.transform_luma(index, coefficients[0]);
    for (int c = 1; c < image.channels; ++c) strip.transform_chroma(c, index, coefficients[c]);
  }
}

}  // namespace jpegcore
