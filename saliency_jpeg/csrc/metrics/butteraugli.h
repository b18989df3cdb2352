// Butteraugli, as in libjxl 0.7 (J. Alakuijala et al.), with derivatives by the distorted image.
//
// Both images are converted to opponent colours by a model of the receptors and divided into four bands of frequency.
// A map adds up their differences: squares of the differences, and of their sums along lines of sixteen directions,
// which find edges that were added or lost. Texture of the reference masks. The same at half the resolution is added.
// The 3-norm is the mean of the map's norms of order 3, 6 and 12.
#pragma once

#include <memory>

#include "common/image_view.h"

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
  // Unless null, `gradient` is set to the derivatives of the 3-norm by the sample values.
  ButteraugliScore compare(const float* rgb, int threads, float* gradient) const;

  int height() const { return height_; }
  int width() const { return width_; }

 private:
  struct Scale;

  int height_, width_;
  std::unique_ptr<Scale> full_, half_;
};

}  // namespace saliency_jpeg::metrics
