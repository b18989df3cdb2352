// What the reader throws: bytes that are no JPEG file, or one of a kind that this codec does not read.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

namespace jpegcore {

class FormatError : public std::runtime_error {
 public:
  FormatError(const std::string& what, size_t offset)
      : std::runtime_error(what + " (offset " + std::to_string(offset) + ")") {}
};

}  // namespace jpegcore
