// Writes quantized levels as a JPEG file.
#pragma once

#include <string>
#include <vector>

#include "codec/types.h"

namespace saliency_jpeg::codec {

// Writes `frame` with optimal Huffman tables, as SOF0, as SOF1 if a quantization step is above 255, or as SOF2 if it is
// progressive.
//
// `scans` may be empty.  Then a sequential frame has the default script, and a progressive frame the shortest of a few
// scripts, which are compared on about `choice_blocks` blocks of the first component and as many rows in proportion of
// the others; 0 means all blocks.
//
// Throws std::invalid_argument if T.81 does not allow the frame, its levels or the scans.
std::string write_jpeg(const Frame& frame, const std::vector<Scan>& scans, size_t choice_blocks = 0, int threads = 1);

}  // namespace saliency_jpeg::codec
