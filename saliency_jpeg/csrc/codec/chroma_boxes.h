// How much the chroma of an image varies between neighbouring pixels.
#pragma once

#include <array>
#include <cstdint>

#include "common/image_view.h"

namespace saliency_jpeg::codec {

// Counts of boxes of 2x2 pixels by their spread: the largest less the smallest value in the box of red less green or of
// blue less green, whichever is more.
struct BoxCounts {
  uint64_t above_first = 0, above_second = 0, zero = 0;
};

// Counts the boxes at even rows and columns, and those at odd ones.
std::array<BoxCounts, 2> count_chroma_boxes(const ImageView& image, int first_limit, int second_limit, int threads);

}  // namespace saliency_jpeg::codec
