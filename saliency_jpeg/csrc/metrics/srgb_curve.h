// The transfer function of sRGB (IEC 61966-2-1) for 8-bit and for real values.
#pragma once

#include <cstdint>

namespace saliency_jpeg::metrics {

struct CurvePoint {
  float linear;  // 0 to 1
  float slope;   // the derivative by the sRGB value
};

// Between whole values, the curve is the cubic through the two neighbours and their slopes; at whole values it is
// exact.
class SrgbCurve {
 public:
  static const SrgbCurve& get();

  float linear(uint8_t value) const { return pieces_[value].c[0]; }
  float linear(float value) const { return at(value).linear; }

  // `value` is 0 to 255.  Outside, it is clipped and the slope is 0.
  CurvePoint at(float value) const {
    if (!(value >= 0.0f)) return {pieces_[0].c[0], 0.0f};
    if (value > 255.0f) return {pieces_[255].c[0], 0.0f};
    const int whole = static_cast<int>(value);
    const float* c = pieces_[whole].c;
    const float t = value - static_cast<float>(whole);
    return {c[0] + t * (c[1] + t * (c[2] + t * c[3])), c[1] + t * (2.0f * c[2] + t * (3.0f * c[3]))};
  }

 private:
  struct Piece {
    float c[4];
  };

  SrgbCurve();

  Piece pieces_[256];
};

}  // namespace saliency_jpeg::metrics
