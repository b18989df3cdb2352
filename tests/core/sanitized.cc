// Runs the C++ code without Python, for AddressSanitizer and UndefinedBehaviorSanitizer.  Encodes and compares pictures
// of unusual sizes, then reads seeded mutations of the JPEG files named on the command line.
//
//     sanitized MUTATIONS FILE...      prints the numbers of mutations; any error exits with a status other than 0
#include "sanitized.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>
#include <vector>

#include "codec/chroma_boxes.h"
#include "codec/constants.h"
#include "codec/decode.h"
#include "codec/detail.h"
#include "codec/huffman.h"
#include "codec/jpeg_reader.h"
#include "codec/jpeg_writer.h"
#include "codec/latent.h"
#include "codec/levels_digest.h"
#include "codec/luma_rows.h"
#include "codec/offsets.h"
#include "codec/overshoot.h"
#include "codec/pixels.h"
#include "codec/quantize.h"
#include "codec/quantize_dc.h"
#include "codec/row_sample.h"
#include "codec/statistics.h"
#include "codec/symbol_costs.h"
#include "codec/transform.h"
#include "common/image_view.h"

namespace {

using namespace saliency_jpeg;
using namespace saliency_jpeg::codec;

JpegFile read(const std::string& jpeg) { return read_jpeg(reinterpret_cast<const uint8_t*>(jpeg.data()), jpeg.size()); }

bool same_levels(const Frame& a, const Frame& b) {
  return std::equal(a.components.begin(), a.components.end(), b.components.begin(), b.components.end(),
                    [](const Component& x, const Component& y) {
                      return x.levels.count() == y.levels.count() &&
                             std::equal(x.levels.data, x.levels.at(x.levels.count()), y.levels.data);
                    });
}

// Writes a frame in both modes and reads it again.
void rewrite(Frame frame) {
  for (bool progressive : {false, true}) {
    frame.progressive = progressive;
    const JpegFile file = read(write_jpeg(frame, {}));
    check(same_levels(file.frame, frame), "levels are read as they were written");
    check(levels_digest(file.frame) == levels_digest(frame), "the digest is that of the levels");
  }
}

// Codes the detail of a frame and decodes it.
void code_detail(const Frame& frame, int first) {
  std::vector<LevelView> levels;
  std::vector<std::vector<int16_t>> decoded;
  std::vector<BlockView<int16_t>> views;
  for (const Component& component : frame.components) {
    levels.push_back(component.levels);
    decoded.emplace_back(component.levels.data, component.levels.at(component.levels.count()));
  }
  for (size_t c = 0; c < levels.size(); ++c) views.push_back({decoded[c].data(), levels[c].rows, levels[c].cols});
  const std::vector<int> firsts(levels.size(), first);
  decode_detail(encode_detail(levels, firsts), firsts, views);
  for (size_t c = 0; c < levels.size(); ++c) {
    check(std::equal(decoded[c].begin(), decoded[c].end(), levels[c].data), "detail is decoded as it was coded");
  }
  decode_detail("\xFF\x03 not a code of ours", firsts, views);
}

// Codes latents of some shapes and decodes them.
void code_latents() {
  for (const LatentShape shape : {LatentShape{1, 1, 1}, LatentShape{16, 5, 7}, LatentShape{64, 2, 3}}) {
    const size_t count = static_cast<size_t>(shape.channels) * shape.rows * shape.cols;
    std::vector<int8_t> latent(count), decoded(count);
    for (size_t i = 0; i < count; ++i) {
      latent[i] = static_cast<int8_t>(i % 5 == 0 ? static_cast<int>(i % 31) - kMostLatent : 0);
    }
    decode_latent(encode_latent(latent.data(), shape), shape, decoded.data());
    check(latent == decoded, "a latent is decoded as it was coded");
    decode_latent("\xFF\x03 not a code of ours", shape, decoded.data());
  }
}

// ---- decoding ------------------------------------------------------------------------------------------------------

// The components of a frame; none if a factor is no integer, or the picture is too large for many runs.
std::vector<SampledPlane> make_planes(const Frame& frame, std::vector<std::vector<float>>& samples) {
  std::vector<SampledPlane> planes;
  for (const Component& component : frame.components) {
    if (frame.max_h() % component.h != 0 || frame.max_v() % component.v != 0) return {};
    const int h = frame.max_h() / component.h, v = frame.max_v() / component.v;
    const LevelView& levels = component.levels;
    const uint16_t* table = frame.tables[component.table].data();
    const std::vector<float> correction(levels.count() * kBlockSize, 3.0f);
    samples.emplace_back(correction.size());
    decode_blocks(levels, table, kLevelShift, samples.back().data());
    correct_samples(levels, table, correction.data(), {0.5f, 0.5f, 0.5f, 0.5f}, samples.back().data());
    planes.push_back({{samples.back().data(), ceil_div(frame.height, v), ceil_div(frame.width, h),
                       static_cast<size_t>(levels.cols) * 8},
                      h,
                      v});
  }
  return planes;
}

template <class T>
void decode_as(const std::vector<SampledPlane>& planes, const Frame& frame) {
  std::vector<T> pixels(planes.size() * frame.height * frame.width);
  to_pixels(planes, planes.size() == 3, frame.height, frame.width, pixels.data());
}

void decode(const Frame& frame) {
  const size_t channels = frame.components.size();
  if ((channels != 1 && channels != 3) || static_cast<size_t>(frame.height) * frame.width > 100000) return;
  std::vector<std::vector<float>> samples;
  const std::vector<SampledPlane> planes = make_planes(frame, samples);
  if (planes.empty()) return;
  decode_as<uint8_t>(planes, frame);
  decode_as<uint16_t>(planes, frame);
  decode_as<float>(planes, frame);
}

// ---- encoding ------------------------------------------------------------------------------------------------------

// Rounds, or runs the trellis with plausible costs.
void quantize(const CoefficientView& coefficients, const QuantTable& table, float lambda,
              const BlockView<int16_t>& levels) {
  std::vector<float> costs(kAcEntries), sensitivity(kBlockSize, 1.0f), lambdas(coefficients.count(), lambda);
  for (int s = 0; s < kAcEntries; ++s) costs[s] = 2.0f + 0.5f * static_cast<float>(s / 16) + static_cast<float>(s % 16);
  const std::vector<float> dc_costs(costs.begin(), costs.begin() + kDcEntries);
  const std::vector<BandCosts> bands{{{1, 4}, costs.data()}, {{5, 63}, costs.data()}};
  const QuantizeParameters parameters{table.data(), bands, sensitivity.data()};
  if (lambda > 0) {
    quantize_trellis(coefficients, parameters, lambdas.data(), 2, levels);
    quantize_dc(coefficients.data, kBlockSize, {table[0], 1.0f, dc_costs.data()}, lambdas.data(), levels);
  } else {
    quantize_plain(coefficients, table.data(), 2, levels);
  }
  const LevelView view{levels.data, levels.rows, levels.cols};
  for (size_t blocks : {0, 1, 5}) {
    for (bool progressive : {false, true}) {
      const LearnedCosts learned = learn_costs({view, view}, {progressive, row_step(view, blocks), nullptr, 2.0f}, 2);
      check(learned.total_bits >= 0 && learned.components.size() == 2, "costs of two components are learned");
    }
  }
  const OffsetHistograms offsets = offset_histograms(coefficients, view, table.data());
  check(std::accumulate(offsets.dc.begin(), offsets.dc.end(), size_t{0}) == view.count(), "each DC is counted once");
  std::vector<float> bits(levels.count());
  block_bits(view, costs.data(), bits.data());
}

bool all_below(const std::vector<float>& coefficients, float limit) {
  return std::all_of(coefficients.begin(), coefficients.end(), [limit](float c) { return std::abs(c) < limit; });
}

// Computes and quantizes luma from pixels and coded chroma, and looks at the chroma of the pixels.
void compensate(const ImageView& image, const Frame& frame, int h, int v) {
  const LevelView& luma = frame.components[0].levels;
  const uint16_t* table = frame.tables[0].data();
  const CodedChroma chroma{{frame.components[1].levels, frame.components[2].levels}, {table, table}, h, v};
  const LumaSource source{image, &chroma, 0.75f};
  std::vector<float> coefficients(luma.count() * kBlockSize), dc(luma.count()), lambdas(luma.count(), 0.1f);
  luma_blocks(source, 1, 2, {coefficients.data(), luma.rows, luma.cols});
  check(all_below(coefficients, 1e4f), "compensated luma stays in range");
  const std::vector<float> costs(kAcEntries, 4.0f), sensitivity(kBlockSize, 1.0f);
  std::vector<int16_t> levels(luma.count() * kBlockSize);
  const QuantizeParameters parameters{table, {{{1, 63}, costs.data()}}, sensitivity.data()};
  quantize_luma(source, parameters, lambdas.data(), true, nullptr, 2, {levels.data(), luma.rows, luma.cols}, dc.data());
  check(all_below(dc, 1e4f), "DC stays in range");
  if (image.height < 2 || image.width < 2) return;
  const auto boxes = count_chroma_boxes(image, 96, 32, 2);
  check(boxes[0].above_first <= boxes[0].above_second, "fewer boxes are above the higher limit");
}

// Moves the clipped samples of clipped blocks, then of all blocks.
void move_clipped_samples(const CoefficientView& coefficients, const QuantTable& table) {
  const std::vector<uint32_t> clipped = clipped_blocks(coefficients);
  check(clipped.empty() || clipped.back() < coefficients.count(), "clipped blocks lie inside the image");
  std::vector<uint32_t> all(coefficients.count());
  std::iota(all.begin(), all.end(), 0u);
  std::vector<float> out(coefficients.data, coefficients.at(coefficients.count()));
  for (const std::vector<uint32_t>& blocks : {clipped, all}) {
    overshoot(coefficients, table.data(), blocks, {out.data(), coefficients.rows, coefficients.cols});
  }
  check(all_below(out, 1e4f), "moved samples stay in range");
}

struct Picture {
  Frame frame;
  std::vector<std::vector<float>> coefficients;
  std::vector<std::vector<int16_t>> levels;
  std::vector<BlockView<float>> views;
};

// Allocates arrays of exactly the size of the components.
Picture make_picture(Random& random, const ImageView& image, int h, int v) {
  Picture p;
  p.frame.height = image.height;
  p.frame.width = image.width;
  p.frame.restart_interval = static_cast<int>(random.below(4));
  p.frame.tables.emplace_back();
  for (int i = 0; i < kBlockSize; ++i) p.frame.tables[0][i] = static_cast<uint16_t>(1 + i / 4);
  for (int c = 0; c < image.channels; ++c) {
    const int own_h = c == 0 ? h : 1;
    const int own_v = c == 0 ? v : 1;
    const int rows = blocks_along(image.height, own_v, v);
    const int cols = blocks_along(image.width, own_h, h);
    p.coefficients.emplace_back(static_cast<size_t>(rows) * cols * kBlockSize);
    p.levels.emplace_back(p.coefficients[c].size());
    p.views.push_back({p.coefficients[c].data(), rows, cols});
    p.frame.components.push_back({c + 1, own_h, own_v, 0, {p.levels[c].data(), rows, cols}});
  }
  return p;
}

void encode(Random& random, int height, int width, int channels, int h, int v) {
  const std::vector<uint8_t> pixels = make_pixels(random, height, width, channels);
  const ImageView image{pixels.data(), height, width, channels};
  Picture p = make_picture(random, image, h, v);
  forward_dct(image, h, v, 2, p.views.data());
  move_clipped_samples({p.views[0].data, p.views[0].rows, p.views[0].cols}, p.frame.tables[0]);
  for (float lambda : {0.0f, 0.2f}) {
    for (int c = 0; c < channels; ++c) {
      const BlockView<float>& view = p.views[c];
      quantize({view.data, view.rows, view.cols}, p.frame.tables[0], lambda,
               {p.levels[c].data(), view.rows, view.cols});
    }
    rewrite(p.frame);
    for (int first : {1, 7, 64}) {
      // Large pictures once: more blocks take the same paths, and a minute.
      if (height < 100 || (first == 7 && lambda > 0)) code_detail(p.frame, first);
    }
    decode(p.frame);
    p.frame.progressive = true;
    check(same_levels(read(write_jpeg(p.frame, {}, 2, 3)).frame, p.frame), "scans chosen by a sample keep all levels");
    if (channels == 3) compensate(image, p.frame, h, v);
  }
}

void encode_all(Random& random) {
  const int factors[][2] = {{1, 1}, {2, 1}, {1, 2}, {2, 2}, {4, 1}, {3, 2}, {1, 4}, {2, 3}};
  for (int size : {1, 7, 8, 17, 33}) {
    for (const auto& [h, v] : factors) encode(random, size, 50 - size, 3, h, v);
    encode(random, size, 50 - size, 1, 1, 1);
  }
  encode(random, 700, 500, 3, 2, 2);  // enough blocks for two threads
  encode(random, 700, 500, 1, 1, 1);
  Histogram counts;
  for (uint32_t& count : counts) count = 1u << random.below(32);
  optimal_code_lengths(counts);
}

// ---- reading -------------------------------------------------------------------------------------------------------

void mutate_once(std::string& data, Random& random) {
  static const uint8_t kMarkers[] = {kSOF0, kSOF2, kDHT, kRST0, kEOI, kSOS, kDQT, kDRI};
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

// Reads from memory that ends with the data, so that the sanitizer sees a read past the end.
bool read_and_rewrite(const std::string& jpeg) {
  const std::vector<uint8_t> exact(jpeg.begin(), jpeg.end());
  try {
    const JpegFile file = read_jpeg(exact.data(), exact.size());
    check(file.end <= exact.size(), "the end lies inside the file");
    rewrite(file.frame);
    decode(file.frame);
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
  compare_all(random);
  resize_all(random);
  code_latents();
  int accepted = 0;
  int refused = 0;
  for (int f = 2; f < count; ++f) {
    const std::string seed = contents(arguments[f]);
    check(read_and_rewrite(seed), "the unchanged file is read");
    for (int m = 0; m < std::atoi(arguments[1]); ++m) {
      std::string data = seed;
      for (uint32_t n = 1 + random.below(5); n > 0; --n) mutate_once(data, random);
      ++(read_and_rewrite(data) ? accepted : refused);
    }
    for (size_t length = 0; length < seed.size(); length += 7) {
      check(!read_and_rewrite(seed.substr(0, length)), "a truncated file is refused");
    }
  }
  std::printf("%d mutations read, %d refused\n", accepted, refused);
  return accepted > 0 && refused > 0 ? 0 : 1;
}
