// Regions of a mask: their parts, and distances from their edge.
#pragma once

#include <cstdint>
#include <vector>

#include "common/image_view.h"

namespace saliency_jpeg::image {

// Numbers the parts of a mask whose cells touch at sides or corners, from 1; 0 outside.  The numbers follow the first
// square of 2x2 cells, row by row, that a part has cells in.  Returns the number of parts.
int label_parts(const ImageView& mask, int32_t* labels);

// Computes for each cell about the distance to the nearest 0, as a sum of steps of 1 and 1.4 to the cells
// around it and of moves of a knight of 2.1969 (G. Borgefors, "Distance transformations in digital images", 1986), as
// distanceTransform() of OpenCV with a mask of 5x5.  The mask needs a 0.
void distance_to_zero(const ImageView& mask, float* distances);

}  // namespace saliency_jpeg::image
