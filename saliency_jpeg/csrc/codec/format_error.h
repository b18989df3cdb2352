// The exception of the reader: the bytes are not a JPEG file, or one of a kind that this codec does not read.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

namespace saliency_jpeg::codec {

class FormatError : public std::runtime_error {
 public:
  // `offset`: bytes from the start of the file to the place of the error.
  FormatError(const std::string& what, size_t offset)
      : std::runtime_error(what + " (offset " + std::to_string(offset) + ")") {}
};

}  // namespace saliency_jpeg::codec
