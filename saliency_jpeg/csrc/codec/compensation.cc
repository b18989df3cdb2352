#include "codec/compensation.h"

#include <algorithm>
#include <vector>

#include "codec/color.h"
#include "codec/decode.h"
#include "codec/fdct.h"
#include "codec/upsample.h"
#include "common/simd.h"
#include "common/ycbcr.h"

namespace saliency_jpeg::codec {
namespace {

constexpr float kAmbient =
    20.0f;  // added to sample values: ambient light, which keeps dark pixels from extreme changes

constexpr float kRed = kRedWeight, kGreen = kGreenWeight, kBlue = kBlueWeight;

// The chroma components, decoded, and their rows at the resolution of the image.
class DecodedChroma {
 public:
  DecodedChroma(const ImageView& image, const CodedChroma& chroma) {
    const int height = ceil_div(image.height, chroma.v), width = ceil_div(image.width, chroma.h);
    for (int c = 0; c < 2; ++c) {
      const LevelView& levels = chroma.levels[c];
      samples_[c].resize(levels.count() * kBlockSize);
      decode_blocks(levels, chroma.tables[c], 0, samples_[c].data());
      const Plane plane{samples_[c].data(), height, width, static_cast<size_t>(levels.cols) * 8};
      upsamplers_.emplace_back(plane, chroma.h, chroma.v);
    }
  }

  const float* cb(int y) { return upsamplers_[0].row(y); }
  const float* cr(int y) { return upsamplers_[1].row(y); }

 private:
  std::vector<float> samples_[2];
  std::vector<Upsampler> upsamplers_;
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
  DecodedChroma coded(image, chroma);
  const size_t stride = static_cast<size_t>(out.cols) * 8;
  std::vector<float> luma(8 * stride), cb(stride), cr(stride);
  for (int row = 0; row < out.rows; ++row) {
    for (int i = 0; i < 8; ++i) {
      const int y = std::min(8 * row + i, image.height - 1);
      const uint8_t* rgb = image.row(y);
      float* line = &luma[i * stride];
      rgb_row_to_ycbcr(rgb, image.width, static_cast<int>(stride), line, cb.data(), cr.data());
      compensate_row(rgb, cb.data(), cr.data(), coded.cb(y), coded.cr(y), strength, image.width, line);
      std::fill(line + image.width, line + stride, line[image.width - 1]);
    }
    forward_dct_row(luma.data(), stride, out.cols, out.at(row, 0));
  }
}

}  // namespace saliency_jpeg::codec
