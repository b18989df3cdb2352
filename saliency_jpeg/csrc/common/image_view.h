// A view of the pixels of a caller.
#pragma once

#include <cstddef>
#include <cstdint>

namespace saliency_jpeg {

// 8-bit samples, rows packed, channels interleaved: 1 channel (gray) or 3 (RGB).
struct ImageView {
  const uint8_t* data = nullptr;
  int height = 0;
  int width = 0;
  int channels = 0;

  const uint8_t* row(int y) const { return data + static_cast<size_t>(y) * width * channels; }
  size_t pixels() const { return static_cast<size_t>(height) * width; }
};

}  // namespace saliency_jpeg
