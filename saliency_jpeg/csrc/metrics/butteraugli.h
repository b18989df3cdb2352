// Butteraugli, as in libjxl 0.7 (J. Alakuijala et al.), with derivatives by the distorted image.
//
// Both images are converted to opponent colours by a model of the receptors and divided into four bands of frequency.
// A map adds up their differences: squares of the differences, and of their sums along lines of sixteen directions,
// which find edges that were added or lost. Texture of the reference masks. The same at half the resolution is added.
// The 3-norm is the mean of the map's norms of order 3, 6 and 12.
#pragma once

#include <memory>

#include "common/image_view.h"
#include "metrics/strips.h"

namespace saliency_jpeg::metrics {

struct ButteraugliScore {
  double maximum = 0;
  double norm3 = 0;
};

// The scores against one reference. Several threads may use it at once.
class Butteraugli {
 public:
  explicit Butteraugli(const ImageView& rgb);
  ~Butteraugli();

  // Returns the score of sample values, RGB of float32 interleaved, 0 to 255; values beyond are clipped.
  ButteraugliScore score(const float* rgb, int threads) const;

  // Returns the 3-norm and writes its derivatives by the sample values.  The result does not depend on `threads`.
  double gradient(const float* rgb, int threads, float* out) const;

  const Shape& shape() const { return shape_; }

 private:
  struct Scale;
  struct View;

  Shape shape_;
  std::unique_ptr<Scale> full_, half_;
};

}  // namespace saliency_jpeg::metrics
