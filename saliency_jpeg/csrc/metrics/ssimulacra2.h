// SSIMULACRA2 (J. Sneyers, version 2.1 of April 2023).  The scores agree with those of libjxl's program.
//
// Both images are converted to XYB at six scales, halved in linear RGB.  At each scale and for each component there are
// three error maps: lost structure (SSIM without the denominator of its luminance term), added edges, lost edges.  The
// mean and the 4-norm of each map, 108 numbers, are weighted, added and mapped to a scale on which 100 means identical,
// 90 visually lossless, 70 high, 50 medium and 30 low quality.  Very bad images have scores below 0.
#pragma once

#include <vector>

#include "common/image_view.h"
#include "metrics/kernels.h"
#include "metrics/strips.h"

namespace saliency_jpeg::metrics {

constexpr int kComponents = 3;
constexpr int kScales = 6;
constexpr int kMinSide = 8;  // smaller images have no score

// One component of the reference at one scale, and the means of it and of its square.
struct Ssimulacra2Reference {
  StripPlane values, mean, square;
};

// Stores the XYB planes and means of the reference, about 48 bytes a pixel.  Several threads may call score() at once.
class Ssimulacra2 {
 public:
  // Both sides of the image must be at least kMinSide.
  explicit Ssimulacra2(const ImageView& rgb, const Kernels& kernels = best_kernels());

  // Returns the score of an image of the size of the reference.
  double score(const ImageView& rgb) const;

  // Returns the norms that the score is computed from, [component][scale][norm][map].  Small images have fewer scales.
  std::vector<double> norms(const ImageView& rgb) const;

  // Returns the score and writes its derivative by each value of `rgb`: (H, W, 3) sRGB values, 0 to 255.  Values
  // outside are clipped, and have the derivative 0.  Needs about 60 bytes a pixel.  The result does not depend on
  // `threads`.
  double gradient(const float* rgb, int threads, float* out) const;

  const Shape& shape() const { return shape_; }

 private:
  Shape shape_;
  const Kernels& kernels_;
  RecursiveGaussian filter_;
  std::vector<Ssimulacra2Reference> references_;  // [scale][component]
};

}  // namespace saliency_jpeg::metrics
