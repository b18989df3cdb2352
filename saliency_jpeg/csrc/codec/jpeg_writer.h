// Quantized levels in, a JPEG file out.
#pragma once

#include <string>
#include <vector>

#include "codec/types.h"

namespace jpegcore {

// Writes `frame` with optimal Huffman tables.  Without `scans`: one scan if the frame is sequential, the shortest of a
// few scripts, compared on about `choice_blocks` blocks of a component (0: all), if it is progressive.  Throws
// std::invalid_argument for a frame or a script that T.81 does not allow, and for levels that do not fit 8-bit JPEG.
std::string write_jpeg(const Frame& frame, const std::vector<Scan>& scans, size_t choice_blocks = 0);

}  // namespace jpegcore
