#include "metrics/ssimulacra2.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "metrics/linear_image.h"
#include "metrics/ssimulacra2_norms.h"
#include "metrics/ssimulacra2_weights.h"

namespace saliency_jpeg::metrics {
namespace {

constexpr double kSigma = 1.5;

// Kernels, filter, and scratch memory for all scales and components of one image.
class Workspace {
 public:
  Workspace(const Kernels& kernels, const RecursiveGaussian& filter) : kernels_(kernels), filter_(filter) {}

  const Kernels& kernels() const { return kernels_; }

  void reshape(const Shape& shape) {
    for (StripPlane& plane : xyb) plane.reshape(shape);
    for (StripPlane& plane : rows) plane.reshape(shape);
    columns_.resize(3 * shape.strip_size());
    line_.resize(row_scratch_size(filter_, shape));
  }
  // Sets `xyb`.
  void convert(const LinearImage& image);
  void along_rows(const StripPlane& a, const StripPlane* b, StripPlane& out) {
    kernels_.blur_rows(filter_, a, b, 0, a.shape.padded_height(), out, line_.data());
  }
  void down_columns(const StripPlane& plane, int strip, float* out) const {
    kernels_.blur_columns(filter_, plane.strip(strip), plane.shape.height, out);
  }
  float* column(int index) { return columns_.data() + rows[0].shape.strip_size() * static_cast<size_t>(index); }

  std::array<StripPlane, kComponents> xyb;
  std::array<StripPlane, 3> rows;  // planes that are blurred along the rows only

 private:
  const Kernels& kernels_;
  const RecursiveGaussian& filter_;
  std::vector<float> columns_, line_;
};

void Workspace::convert(const LinearImage& image) {
  reshape(image.shape);
  for (int y = 0; y < image.shape.height; ++y) {
    const float* const from[] = {image.row(0, y), image.row(1, y), image.row(2, y)};
    const size_t at = static_cast<size_t>(y) * kStripWidth;
    float* const to[] = {xyb[0].strip(0) + at, xyb[1].strip(0) + at, xyb[2].strip(0) + at};
    kernels_.xyb_row(from, image.shape.strips(), to, image.shape.strip_size());
  }
  for (StripPlane& plane : xyb) clear_padding(plane);
}

// Calls visit(scale) with the XYB planes of each scale.  Returns the number of scales, which depends on the size.
template <class Visit>
int for_each_scale(const ImageView& rgb, Workspace& work, Visit visit) {
  LinearImage image = linear_from_srgb(rgb);
  int scale = 0;
  while (true) {
    work.convert(image);
    visit(scale);
    if (++scale == kScales || std::min(image.shape.height, image.shape.width) < kMinSide) return scale;
    image = halve(image);
  }
}

StripPlane blur(const StripPlane& a, const StripPlane* b, Workspace& work) {
  work.along_rows(a, b, work.rows[0]);
  StripPlane out(a.shape);
  for (int s = 0; s < a.shape.strips(); ++s) work.down_columns(work.rows[0], s, out.strip(s));
  return out;
}

// Returns the norms of one component at one scale.  Computes the means of the distorted image one strip at a time, to
// save memory.
template <class Reference>
Norms compare(const Reference& reference, const StripPlane& distorted, Workspace& work) {
  const Shape& shape = distorted.shape;
  work.along_rows(distorted, nullptr, work.rows[0]);
  work.along_rows(distorted, &distorted, work.rows[1]);
  work.along_rows(distorted, &reference.values, work.rows[2]);
  Norms norms;
  for (int s = 0; s < shape.strips(); ++s) {
    for (int i = 0; i < 3; ++i) work.down_columns(work.rows[i], s, work.column(i));
    StripSums sums;
    work.kernels().add_errors({reference.values.strip(s), reference.mean.strip(s), reference.square.strip(s),
                               distorted.strip(s), work.column(0), work.column(1), work.column(2)},
                              shape.height, sums);
    norms.add_strip(sums, std::min(kStripWidth, shape.width - s * kStripWidth));
  }
  norms.finish(shape.pixels());
  return norms;
}

}  // namespace

Ssimulacra2::Ssimulacra2(const ImageView& rgb, const Kernels& kernels)
    : shape_{rgb.height, rgb.width}, kernels_(kernels), filter_(make_recursive_gaussian(kSigma)) {
  Workspace work(kernels_, filter_);
  for_each_scale(rgb, work, [&](int) {
    for (const StripPlane& plane : work.xyb) {
      references_.push_back({plane, blur(plane, nullptr, work), blur(plane, &plane, work)});
    }
  });
}

std::vector<double> Ssimulacra2::norms(const ImageView& rgb) const {
  std::array<std::array<Norms, kScales>, kComponents> all;
  Workspace work(kernels_, filter_);
  const int scales = for_each_scale(rgb, work, [&](int scale) {
    for (int c = 0; c < kComponents; ++c) {
      all[c][scale] = compare(references_[scale * kComponents + c], work.xyb[c], work);
    }
  });
  return flatten(all, scales);
}

double Ssimulacra2::score(const ImageView& rgb) const { return score_from_norms(norms(rgb)); }

}  // namespace saliency_jpeg::metrics
