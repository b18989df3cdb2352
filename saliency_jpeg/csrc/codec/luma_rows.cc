#include "codec/luma_rows.h"

#include <algorithm>

#include "codec/color.h"
#include "codec/decode.h"
#include "codec/fdct.h"
#include "common/parallel.h"
#include "common/simd.h"
#include "common/ycbcr.h"

namespace saliency_jpeg::codec {
namespace {

constexpr float kAmbient =
    20.0f;  // added to sample values: ambient light, which keeps dark pixels from extreme changes

constexpr float kRed = kRedWeight, kGreen = kGreenWeight, kBlue = kBlueWeight;

// Changes a row of luma.  `cb` and `cr` are the original chroma, `coded_cb` and `coded_cr` the decoded one.
SJ_MULTIVERSION
void compensate_row(const uint8_t* rgb, const float* cb, const float* cr, const float* coded_cb, const float* coded_cr,
                    float strength, int width, const float* original, float* luma) {
  for (int x = 0; x < width; ++x) {
    const float b = coded_cb[x] - cb[x], r = coded_cr[x] - cr[x];
    const float red = kRed * (rgb[3 * x] + kAmbient);
    const float green = kGreen * (rgb[3 * x + 1] + kAmbient);
    const float blue = kBlue * (rgb[3 * x + 2] + kAmbient);
    const float shift =
        red * (kRedFromCr * r) - green * (kGreenFromCb * b + kGreenFromCr * r) + blue * (kBlueFromCb * b);
    luma[x] = original[x] - strength * shift / (red + green + blue);
  }
}

}  // namespace

LumaRows::LumaRows(const LumaSource& source, int begin, int end)
    : source_(source), stride_(static_cast<size_t>(source.cols()) * 8), original_(8 * stride_) {
  if (source.chroma == nullptr) return;
  cb_.resize(stride_);
  cr_.resize(stride_);
  moved_.resize(8 * stride_);
  decode_chroma(begin, end);
}

// Decodes the chroma of these rows, and of those that interpolation reaches beyond them.
void LumaRows::decode_chroma(int begin, int end) {
  const CodedChroma& chroma = *source_.chroma;
  const int height = ceil_div(source_.image.height, chroma.v), width = ceil_div(source_.image.width, chroma.h);
  for (int c = 0; c < 2; ++c) {
    const LevelView& all = chroma.levels[c];
    const int first = std::max(8 * begin / chroma.v - 1, 0) / 8;
    const int last = std::min(8 * end / chroma.v / 8 + 1, all.rows);
    const LevelView part{all.at(first, 0), last - first, all.cols};
    decoded_[c].resize(part.count() * kBlockSize);
    decode_blocks(part, chroma.tables[c], 0, decoded_[c].data());
    const Plane plane{decoded_[c].data(), height, width, static_cast<size_t>(all.cols) * 8, 8 * first};
    upsamplers_.emplace_back(plane, chroma.h, chroma.v);
  }
}

void LumaRows::load_row(int y, size_t line) {
  const ImageView& image = source_.image;
  float* original = &original_[line];
  if (image.channels == 1) {
    gray_row_to_y(image.row(y), image.width, static_cast<int>(stride_), original);
  } else if (upsamplers_.empty()) {
    rgb_row_to_y(image.row(y), image.width, static_cast<int>(stride_), original);
  } else {
    rgb_row_to_ycbcr(image.row(y), image.width, static_cast<int>(stride_), original, cb_.data(), cr_.data());
    float* moved = &moved_[line];
    compensate_row(image.row(y), cb_.data(), cr_.data(), upsamplers_[0].row(y), upsamplers_[1].row(y), source_.strength,
                   image.width, original, moved);
    std::fill(moved + image.width, moved + stride_, moved[image.width - 1]);
  }
}

void LumaRows::transform(int row, float* coefficients) {
  for (int i = 0; i < 8; ++i) load_row(std::min(8 * row + i, source_.image.height - 1), i * stride_);
  const std::vector<float>& samples = moved_.empty() ? original_ : moved_;
  forward_dct_row(samples.data(), stride_, static_cast<int>(stride_ / 8), coefficients);
}

void luma_blocks(const LumaSource& source, int every, int threads, const BlockView<float>& out) {
  parallel_for(out.rows, rows_in_part(out.cols), threads, [&](int begin, int end) {
    LumaRows rows(source, begin * every, (end - 1) * every + 1);
    for (int row = begin; row < end; ++row) rows.transform(row * every, out.at(row, 0));
  });
}

}  // namespace saliency_jpeg::codec
