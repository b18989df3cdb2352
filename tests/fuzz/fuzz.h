// What the fuzz targets share: numbers out of the input, and a check that aborts.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "codec/types.h"

// A fuzz target: libFuzzer calls it, or replay.cc.  A fault aborts the process.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace fuzz {

inline void check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "failed: %s\n", what);
  std::abort();
}

// Takes bytes from the front of the input; zeros after its end.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), left_(size) {}

  bool empty() const { return left_ == 0; }
  int byte() {
    if (left_ == 0) return 0;
    --left_;
    return *data_++;
  }
  int word() {
    const int high = byte();
    return high << 8 | byte();
  }
  // A number from low to high.
  int number(int low, int high) {
    const int span = high - low + 1;
    return low + (span > 256 ? word() : byte()) % span;
  }
  std::string text(size_t size) {
    const size_t n = std::min(size, left_);
    std::string out(reinterpret_cast<const char*>(data_), n);
    data_ += n;
    left_ -= n;
    return out;
  }

 private:
  const uint8_t* data_;
  size_t left_;
};

inline bool same_levels(const saliency_jpeg::codec::Frame& a, const saliency_jpeg::codec::Frame& b) {
  return std::equal(a.components.begin(), a.components.end(), b.components.begin(), b.components.end(),
                    [](const auto& x, const auto& y) {
                      return x.levels.count() == y.levels.count() &&
                             std::equal(x.levels.data, x.levels.at(x.levels.count()), y.levels.data);
                    });
}

inline bool same_segments(const saliency_jpeg::codec::Frame& a, const saliency_jpeg::codec::Frame& b) {
  return std::equal(a.segments.begin(), a.segments.end(), b.segments.begin(), b.segments.end(),
                    [](const auto& x, const auto& y) { return x.marker == y.marker && x.payload == y.payload; });
}

}  // namespace fuzz
