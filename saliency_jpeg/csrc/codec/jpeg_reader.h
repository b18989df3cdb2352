// A JPEG file in, its quantized levels, tables and segments out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "codec/format_error.h"
#include "codec/types.h"
#include "common/zeroed_array.h"

namespace jpegcore {

struct JpegFile {
  Frame frame;                               // its levels point into `levels`
  std::vector<ZeroedArray<int16_t>> levels;  // of each component
  size_t end = 0;                            // offset behind EOI; what follows is not looked at
};

// Reads a baseline, extended sequential or progressive file with 8-bit samples and Huffman codes (T.81 SOF0, SOF1,
// SOF2): any legal sampling, up to four components, any number of scans.  Of a quantization table that is defined more
// than once, each component gets the one in force at its first scan.  Tolerated, as decoders do: fill bytes, stray
// bytes in front of a marker, coefficients of a progressive file that no scan sends.
//
// Throws FormatError for everything else.  Time and memory are bounded by `size`: a frame that its file is too short
// for is refused before anything is allocated.
JpegFile read_jpeg(const uint8_t* data, size_t size);

}  // namespace jpegcore
