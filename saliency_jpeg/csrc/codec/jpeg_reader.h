// Reads a JPEG file: quantized levels, tables and segments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "codec/format_error.h"
#include "codec/types.h"
#include "common/zeroed_array.h"

namespace saliency_jpeg::codec {

struct JpegFile {
  Frame frame;                               // its levels point into `levels`
  std::vector<ZeroedArray<int16_t>> levels;  // one array for each component
  size_t end = 0;                            // offset of the first byte after EOI
  size_t unread = 0;                         // bytes behind the last block of a scan or interval that are no segment's
};

// Reads a baseline, extended sequential or progressive file (SOF0, SOF1, SOF2) with 8-bit samples and Huffman codes:
// any legal sampling, up to four components, up to 256 scans, which visit 2 ** 26 blocks at most in all, or 24 times
// the blocks of the image if that is more.  If a quantization table is defined more than once, each component gets the
// table in force at its first scan.
//
// Tolerates what decoders tolerate: fill bytes, stray bytes before a marker, and progressive files that do not send
// all coefficients.  Throws FormatError for all other errors.  Does not read the bytes after EOI.
//
// Time and memory are bounded by `size`: the reader refuses a frame that is too large for the length of its file
// or has more than `max_pixels`, before it allocates anything.
JpegFile read_jpeg(const uint8_t* data, size_t size, uint64_t max_pixels = UINT64_MAX);

}  // namespace saliency_jpeg::codec
