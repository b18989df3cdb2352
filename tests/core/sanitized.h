// What the parts of the program sanitized.cc share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

namespace saliency_jpeg {

inline void check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "failed: %s\n", what);
  std::exit(1);
}

// std::mt19937 returns the same numbers on every platform; the distributions of <random> do not.
class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(engine_() % n); }

 private:
  std::mt19937 engine_;
};

// Returns smooth ramps with noise, some of it white and black.
inline std::vector<uint8_t> make_pixels(Random& random, int height, int width, int channels) {
  std::vector<uint8_t> pixels(static_cast<size_t>(height) * width * channels);
  for (size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = static_cast<uint8_t>(random.below(4) == 0 ? std::min(random.below(512), 255u) : i * 3 % 256);
  }
  return pixels;
}

// Compares and differentiates pictures of unusual sizes by every metric (sanitized_pictures.cc).
void compare_all(Random& random);
// Resizes pictures, enlarges maps and numbers their parts (sanitized_pictures.cc).
void resize_all(Random& random);

}  // namespace saliency_jpeg
