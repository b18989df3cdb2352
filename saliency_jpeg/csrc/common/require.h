// Checks of arguments.  They throw std::invalid_argument, which Python sees as ValueError.
#pragma once

#include <stdexcept>
#include <string>

namespace saliency_jpeg {

constexpr bool in_range(long value, long low, long high) { return low <= value && value <= high; }

inline std::string out_of_range(const char* name, long value, long low, long high) {
  return std::string(name) + " must be in " + std::to_string(low) + ".." + std::to_string(high) + ", got " +
         std::to_string(value);
}

inline void require(bool condition, const char* message) {
  if (!condition) throw std::invalid_argument(message);
}

// Throws "NAME must be in LOW..HIGH, got VALUE" unless it is.
inline void require_in(long value, long low, long high, const char* name) {
  if (!in_range(value, low, high)) throw std::invalid_argument(out_of_range(name, value, low, high));
}

// Throws "NAME must be EXPECTED, got VALUE" unless it is.
inline void require_equal(long value, long expected, const char* name) {
  if (value == expected) return;
  throw std::invalid_argument(std::string(name) + " must be " + std::to_string(expected) + ", got " +
                              std::to_string(value));
}

}  // namespace saliency_jpeg
