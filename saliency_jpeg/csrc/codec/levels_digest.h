// A digest of the picture in a file: the same for all files with the same levels and tables, however they are coded.
#pragma once

#include <cstdint>

#include "codec/types.h"

namespace saliency_jpeg::codec {

// Returns XXH64 (seed 0) of 16-bit numbers in little-endian order, on every CPU.  For each component these are
//
//   height | width | components | index | h | v | rows | cols | 8 zeros | 64 steps | levels, block by block
//
// A single component has h = v = 1, since its factors mean nothing (T.81 A.2.2).
uint64_t levels_digest(const Frame& frame);

}  // namespace saliency_jpeg::codec
