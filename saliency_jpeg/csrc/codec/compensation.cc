#include "codec/compensation.h"

#include <algorithm>
#include <vector>

#include "codec/color.h"
#include "codec/fdct.h"
#include "codec/idct.h"
#include "common/simd.h"
#include "common/ycbcr.h"

namespace saliency_jpeg::codec {
namespace {

constexpr float kAmbient =
    20.0f;  // added to sample values: ambient light, which keeps dark pixels from extreme changes

constexpr float kRed = kRedWeight, kGreen = kGreenWeight, kBlue = kBlueWeight;
constexpr float kRedFromCr = kCrRange, kBlueFromCb = kCbRange;
constexpr float kGreenFromCb = kBlueWeight * kCbRange / kGreenWeight;
constexpr float kGreenFromCr = kRedWeight * kCrRange / kGreenWeight;

// A chroma component, decoded to `height` x `width` samples.
struct Plane {
  std::vector<float> samples;
  int height, width;
  size_t stride;

  // Rows outside the plane repeat the nearest row.
  const float* row(int y) const { return &samples[std::clamp(y, 0, height - 1) * stride]; }
};

SJ_INLINE void decode_block(const Basis& basis, const int16_t* levels, const uint16_t* table, size_t stride,
                            float* samples) {
  float coefficients[kBlockSize], block[kBlockSize];
  for (int k = 0; k < kBlockSize; ++k) coefficients[k] = static_cast<float>(levels[k] * table[k]);
  inverse_dct(basis, coefficients, block);
  for (int y = 0; y < 8; ++y) std::copy_n(block + 8 * y, 8, samples + y * stride);
}

SJ_MULTIVERSION
void decode_blocks(const LevelView& levels, const uint16_t* table, float* samples) {
  const Basis basis;
  const size_t stride = static_cast<size_t>(levels.cols) * 8;
  for (int row = 0; row < levels.rows; ++row) {
    for (int col = 0; col < levels.cols; ++col) {
      decode_block(basis, levels.at(row, col), table, stride, samples + row * 8 * stride + col * 8);
    }
  }
}

Plane decode(const LevelView& levels, const uint16_t* table, int height, int width) {
  Plane plane{std::vector<float>(levels.count() * kBlockSize), height, width, static_cast<size_t>(levels.cols) * 8};
  decode_blocks(levels, table, plane.samples.data());
  return plane;
}

// Interpolates as decoders do: three parts of the nearest sample and one of the next.
SJ_MULTIVERSION
void mix_rows(const float* near, const float* far, int width, float* out) {
  for (int x = 0; x < width; ++x) out[x] = 0.75f * near[x] + 0.25f * far[x];
}

SJ_MULTIVERSION
void widen_row(const float* samples, int width, float* out) {
  for (int x = 0; x < width; ++x) {
    const float before = samples[x > 0 ? x - 1 : 0], after = samples[x + 1 < width ? x + 1 : x];
    out[2 * x] = 0.75f * samples[x] + 0.25f * before;
    out[2 * x + 1] = 0.75f * samples[x] + 0.25f * after;
  }
}

// Returns the rows of a plane at the resolution of the image.  Upsamples as decoders do: interpolates if a sample
// stands for two pixels, repeats it if it stands for more.
class Upsampler {
 public:
  Upsampler(Plane plane, int h, int v)
      : plane_(std::move(plane)), h_(h), v_(v), tall_(plane_.width), wide_(static_cast<size_t>(plane_.width) * h) {}

  const float* row(int y) {
    const float* samples = plane_.row(y / v_);
    if (v_ == 2) {
      mix_rows(samples, plane_.row(y / 2 + (y % 2 == 0 ? -1 : 1)), plane_.width, tall_.data());
      samples = tall_.data();
    }
    if (h_ == 1) return samples;
    if (h_ == 2) {
      widen_row(samples, plane_.width, wide_.data());
    } else {
      for (size_t x = 0; x < wide_.size(); ++x) wide_[x] = samples[x / h_];
    }
    return wide_.data();
  }

 private:
  Plane plane_;
  int h_, v_;
  std::vector<float> tall_, wide_;
};

// Changes a row of luma.  `cb` and `cr` are the original chroma, `coded_cb` and `coded_cr` the decoded one.
SJ_MULTIVERSION
void compensate_row(const uint8_t* rgb, const float* cb, const float* cr, const float* coded_cb, const float* coded_cr,
                    float strength, int width, float* luma) {
  for (int x = 0; x < width; ++x) {
    const float b = coded_cb[x] - cb[x], r = coded_cr[x] - cr[x];
    const float red = kRed * (rgb[3 * x] + kAmbient);
    const float green = kGreen * (rgb[3 * x + 1] + kAmbient);
    const float blue = kBlue * (rgb[3 * x + 2] + kAmbient);
    const float shift =
        red * (kRedFromCr * r) - green * (kGreenFromCb * b + kGreenFromCr * r) + blue * (kBlueFromCb * b);
    luma[x] -= strength * shift / (red + green + blue);
  }
}

}  // namespace

void compensated_luma(const ImageView& image, const CodedChroma& chroma, float strength, const BlockView<float>& out) {
  std::vector<Upsampler> coded;
  for (int c = 0; c < 2; ++c) {
    coded.emplace_back(
        decode(chroma.levels[c], chroma.tables[c], ceil_div(image.height, chroma.v), ceil_div(image.width, chroma.h)),
        chroma.h, chroma.v);
  }
  const size_t stride = static_cast<size_t>(out.cols) * 8;
  std::vector<float> luma(8 * stride), cb(stride), cr(stride);
  for (int row = 0; row < out.rows; ++row) {
    for (int i = 0; i < 8; ++i) {
      const int y = std::min(8 * row + i, image.height - 1);
      const uint8_t* rgb = image.row(y);
      float* line = &luma[i * stride];
      rgb_row_to_ycbcr(rgb, image.width, static_cast<int>(stride), line, cb.data(), cr.data());
      compensate_row(rgb, cb.data(), cr.data(), coded[0].row(y), coded[1].row(y), strength, image.width, line);
      std::fill(line + image.width, line + stride, line[image.width - 1]);
    }
    forward_dct_row(luma.data(), stride, out.cols, out.at(row, 0));
  }
}

}  // namespace saliency_jpeg::codec
