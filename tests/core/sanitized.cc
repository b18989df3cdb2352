// Drives the compiled core without Python, for AddressSanitizer and UndefinedBehaviorSanitizer: encodes pictures of odd
// sizes, then reads seeded mutations of the JPEG files named on the command line.
//
//     sanitized MUTATIONS FILE...      prints what was done; any fault ends the program with a status other than 0
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "codec/compensation.h"
#include "codec/huffman.h"
#include "codec/jpeg_reader.h"
#include "codec/jpeg_writer.h"
#include "codec/quantize.h"
#include "codec/quantize_dc.h"
#include "codec/statistics.h"
#include "codec/transform.h"

namespace {

using namespace saliency_jpeg;
using namespace saliency_jpeg::codec;

void check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "failed: %s\n", what);
  std::exit(1);
}

// std::mt19937 gives the same numbers everywhere, the distributions of <random> do not.
class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(engine_() % n); }

 private:
  std::mt19937 engine_;
};

JpegFile read(const std::string& jpeg) { return read_jpeg(reinterpret_cast<const uint8_t*>(jpeg.data()), jpeg.size()); }

bool same_levels(const Frame& a, const Frame& b) {
  return std::equal(a.components.begin(), a.components.end(), b.components.begin(), b.components.end(),
                    [](const Component& x, const Component& y) {
                      return x.levels.count() == y.levels.count() &&
                             std::equal(x.levels.data, x.levels.at(x.levels.count()), y.levels.data);
                    });
}

// Writes a frame in both modes; what is read back has to be the same.
void rewrite(Frame frame) {
  for (bool progressive : {false, true}) {
    frame.progressive = progressive;
    check(same_levels(read(write_jpeg(frame, {})).frame, frame), "levels are read as they were written");
  }
}

// ---- encoding ------------------------------------------------------------------------------------------------------

std::vector<uint8_t> picture(Random& random, size_t samples) {
  std::vector<uint8_t> pixels(samples);
  for (size_t i = 0; i < samples; ++i) {
    pixels[i] = static_cast<uint8_t>(random.below(4) == 0 ? random.below(256) : i * 3 % 256);
  }
  return pixels;
}

// Rounds, or runs the trellis with prices of a plausible shape.
void quantize(const CoefficientView& coefficients, const QuantTable& table, float lambda,
              const BlockView<int16_t>& levels) {
  std::vector<float> prices(257), sensitivity(kBlockSize, 1.0f), lambdas(coefficients.count(), lambda);
  for (int s = 0; s < 257; ++s) prices[s] = 2.0f + 0.5f * static_cast<float>(s / 16) + static_cast<float>(s % 16);
  const std::vector<BandCosts> bands{{{1, 4}, prices.data()}, {{5, 63}, prices.data()}};
  const QuantizeParameters rule{table.data(), bands, sensitivity.data()};
  (lambda > 0 ? quantize_trellis : quantize_plain)(coefficients, rule, lambdas.data(), levels);
  if (lambda > 0) quantize_dc(coefficients, {table[0], 1.0f, prices.data()}, lambdas.data(), levels);
  for (size_t part : {0, 1, 5}) best_bands({{levels.data, levels.rows, levels.cols}}, part);
  std::vector<float> bits(levels.count());
  block_bits({levels.data, levels.rows, levels.cols}, prices.data(), bits.data());
}

// Luma from pixels and coded chroma, into memory of exactly its size.
void compensate(const ImageView& image, const Frame& frame, int h, int v) {
  const LevelView& luma = frame.components[0].levels;
  const uint16_t* table = frame.tables[0].data();
  const CodedChroma chroma{{frame.components[1].levels, frame.components[2].levels}, {table, table}, h, v};
  std::vector<float> coefficients(luma.count() * kBlockSize);
  compensated_luma(image, chroma, 0.75f, {coefficients.data(), luma.rows, luma.cols});
  check(std::all_of(coefficients.begin(), coefficients.end(), [](float c) { return std::abs(c) < 1e4f; }),
        "compensated luma stays in range");
}

void encode(Random& random, int height, int width, int channels, int h, int v) {
  const std::vector<uint8_t> pixels = picture(random, static_cast<size_t>(height) * width * channels);
  std::vector<std::vector<float>> coefficients(channels);
  std::vector<std::vector<int16_t>> levels(channels);
  std::vector<BlockView<float>> views;
  Frame frame;
  frame.height = height;
  frame.width = width;
  frame.restart_interval = static_cast<int>(random.below(4));
  frame.tables.emplace_back();
  for (int i = 0; i < kBlockSize; ++i) frame.tables[0][i] = static_cast<uint16_t>(1 + i / 4);
  for (int c = 0; c < channels; ++c) {
    const int own_h = c == 0 ? h : 1;
    const int own_v = c == 0 ? v : 1;
    const int rows = blocks_along(height, own_v, v);
    const int cols = blocks_along(width, own_h, h);
    coefficients[c].resize(static_cast<size_t>(rows) * cols * kBlockSize);
    levels[c].resize(coefficients[c].size());
    views.push_back({coefficients[c].data(), rows, cols});
    frame.components.push_back({c + 1, own_h, own_v, 0, {levels[c].data(), rows, cols}});
  }
  forward_dct({pixels.data(), height, width, channels}, h, v, views.data());
  for (float lambda : {0.0f, 0.2f}) {
    for (int c = 0; c < channels; ++c) {
      quantize({views[c].data, views[c].rows, views[c].cols}, frame.tables[0], lambda,
               {levels[c].data(), views[c].rows, views[c].cols});
    }
    rewrite(frame);
    frame.progressive = true;
    check(same_levels(read(write_jpeg(frame, {}, 2)).frame, frame), "scans chosen by a part hold all levels");
    if (channels == 3) compensate({pixels.data(), height, width, 3}, frame, h, v);
  }
}

void encode_all(Random& random) {
  const int factors[][2] = {{1, 1}, {2, 1}, {1, 2}, {2, 2}, {4, 1}, {3, 2}, {1, 4}, {2, 3}};
  for (int size : {1, 7, 8, 17, 33}) {
    for (const auto& [h, v] : factors) encode(random, size, 50 - size, 3, h, v);
    encode(random, size, 50 - size, 1, 1, 1);
  }
  Histogram counts;
  for (uint32_t& count : counts) count = 1u << random.below(32);
  optimal_code_lengths(counts);
}

// ---- reading -------------------------------------------------------------------------------------------------------

void mutate_once(std::string& data, Random& random) {
  static const uint8_t kMarkers[] = {0xC0, 0xC2, 0xC4, 0xD0, 0xD9, 0xDA, 0xDB, 0xDD};
  const size_t at = random.below(static_cast<uint32_t>(data.size()));
  switch (random.below(6)) {
    case 0:
      data[at] = static_cast<char>(data[at] ^ 1 << random.below(8));
      break;
    case 1:
      data[at] = static_cast<char>(random.below(256));
      break;
    case 2:
      data.insert(at, 1, static_cast<char>(random.below(256)));
      break;
    case 3:
      data.erase(at, std::min<size_t>(1 + random.below(8), data.size() - 1));
      break;
    case 4:
      data.insert(at, data.substr(random.below(static_cast<uint32_t>(data.size())), random.below(60)));
      break;
    default:
      data[at] = '\xFF';
      if (at + 1 < data.size()) data[at + 1] = static_cast<char>(kMarkers[random.below(8)]);
  }
}

// Reads from memory that ends with the data, so that one byte too many is seen.
bool read_and_rewrite(const std::string& jpeg) {
  const std::vector<uint8_t> exact(jpeg.begin(), jpeg.end());
  try {
    const JpegFile file = read_jpeg(exact.data(), exact.size());
    check(file.end <= exact.size(), "the end lies inside the file");
    rewrite(file.frame);
    return true;
  } catch (const FormatError&) {
    return false;
  }
}

std::string contents(const char* path) {
  std::ifstream file(path, std::ios::binary);
  check(file.good(), "the file can be opened");
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

int main(int count, char** arguments) {
  check(count > 2, "usage: sanitized MUTATIONS FILE...");
  Random random(7);
  encode_all(random);
  int read_in_full = 0;
  int refused = 0;
  for (int f = 2; f < count; ++f) {
    const std::string seed = contents(arguments[f]);
    check(read_and_rewrite(seed), "the file is read as it is");
    for (int m = 0; m < std::atoi(arguments[1]); ++m) {
      std::string data = seed;
      for (uint32_t n = 1 + random.below(5); n > 0; --n) mutate_once(data, random);
      ++(read_and_rewrite(data) ? read_in_full : refused);
    }
    for (size_t length = 0; length < seed.size(); length += 7) check(!read_and_rewrite(seed.substr(0, length)), "cut");
  }
  std::printf("%d mutations read, %d refused\n", read_in_full, refused);
  return read_in_full > 0 && refused > 0 ? 0 : 1;
}
