// SSIMULACRA2 with derivatives by the distorted image.
//
// The blur is a Gaussian that is cut off, in place of the recursive filter of ssimulacra2.h, and every step is plain
// floating point, so that scores differ from the metric's by some tenths of a point.
#pragma once

#include <vector>

#include "common/image_view.h"
#include "metrics/planes.h"

namespace saliency_jpeg::metrics {

// The scores against one reference. Several threads may use it at once.
class Ssimulacra2Gradient {
 public:
  // Both sides of the image must be at least kMinSide.
  explicit Ssimulacra2Gradient(const ImageView& rgb);

  // Returns the score of sample values, RGB of float32 interleaved, 0 to 255; values beyond are clipped.  Sets
  // `gradient` to the derivatives of the score by the sample values.
  double compare(const float* rgb, int threads, float* gradient) const;

  int height() const { return height_; }
  int width() const { return width_; }

 private:
  struct Component {
    Plane values, mean, square;  // the latter two blurred
  };

  int height_, width_;
  std::vector<Component> references_;  // [scale][component]
};

}  // namespace saliency_jpeg::metrics
