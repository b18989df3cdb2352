// SSIMULACRA2 (J. Sneyers, version 2.1 of April 2023), in agreement with libjxl's program.
//
// Both images go to XYB at six scales, halved in linear RGB. At each scale and component three error maps are made:
// structure lost (SSIM without its luminance denominator), edges added, edges lost. The mean and the 4-norm of each
// map, 108 numbers, are weighted, added and bent to a scale on which 100 is identical, 90 is visually lossless, 70
// high, 50 medium and 30 low quality; below 0 is very bad.
#ifndef SALIENCY_JPEG_METRICS_SSIMULACRA2_H_
#define SALIENCY_JPEG_METRICS_SSIMULACRA2_H_

#include <cstdint>
#include <vector>

#include "metrics/kernels.h"
#include "metrics/strips.h"

namespace saliency_jpeg::metrics {

constexpr int kComponents = 3;
constexpr int kScales = 6;
constexpr int kMinSide = 8;  // smaller images have no score

// Holds everything about the reference, about 48 bytes a pixel; `score` may be called from several threads at once.
class Ssimulacra2 {
 public:
  // `rgb` holds height * width * 3 sRGB values. Both sides must be at least kMinSide.
  Ssimulacra2(const std::uint8_t* rgb, int height, int width, const Kernels& kernels = best_kernels());

  // `rgb` has the size of the reference.
  double score(const std::uint8_t* rgb) const;
  // The unweighted numbers: [component][scale][norm][map]. Small images have fewer scales.
  std::vector<double> norms(const std::uint8_t* rgb) const;

  const Shape& shape() const { return shape_; }

 private:
  struct Reference {
    StripPlane values, mean, square;
  };

  Shape shape_;
  const Kernels& kernels_;
  RecursiveGaussian filter_;
  std::vector<Reference> references_;  // kComponents for each scale
};

}  // namespace saliency_jpeg::metrics

#endif  // SALIENCY_JPEG_METRICS_SSIMULACRA2_H_
