#include "image/resize.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <vector>

#include "common/simd.h"

namespace saliency_jpeg::image {
namespace {

// Pixels of the input for one of the output; rounded as OpenCV does, which divides twice.
double scale_of(int in, int out) { return 1.0 / (static_cast<double>(out) / in); }

uint8_t to_byte(float value) { return static_cast<uint8_t>(std::clamp(std::lrintf(value), 0L, 255L)); }

// One pixel of the input that is part of one of the output.
struct Share {
  int out;
  int in;
  float weight;
};

std::vector<Share> shares_of(int in, int out) {
  constexpr double kLeast = 1e-3;  // of a pixel
  const double scale = scale_of(in, out);
  std::vector<Share> shares;
  for (int i = 0; i < out; ++i) {
    const double start = i * scale, end = start + scale, length = std::min(scale, in - start);
    const int last = std::min(static_cast<int>(std::floor(end)), in - 1);
    const int first = std::min(static_cast<int>(std::ceil(start)), last);
    if (first - start > kLeast) shares.push_back({i, first - 1, static_cast<float>((first - start) / length)});
    for (int k = first; k < last; ++k) shares.push_back({i, k, static_cast<float>(1.0 / length)});
    if (end - last > kLeast) {
      shares.push_back({i, last, static_cast<float>(std::min(std::min(end - last, 1.0), length) / length)});
    }
  }
  return shares;
}

template <int Channels>
void add_shares(const uint8_t* row, const std::vector<Share>& shares, float* sums) {
  for (const Share& share : shares) {
    for (int c = 0; c < Channels; ++c) {
      sums[share.out * Channels + c] += row[share.in * Channels + c] * share.weight;
    }
  }
}

SJ_MULTIVERSION
void add_row(const float* row, float weight, size_t count, float* sums) {
  for (size_t i = 0; i < count; ++i) sums[i] += row[i] * weight;
}

template <int Channels>
void average(const ImageView& in, int height, int width, uint8_t* out) {
  const std::vector<Share> across = shares_of(in.width, width), down = shares_of(in.height, height);
  const size_t samples = static_cast<size_t>(width) * Channels;
  std::vector<float> row(samples), sums(samples);
  for (size_t i = 0; i < down.size(); ++i) {
    std::fill(row.begin(), row.end(), 0.0f);
    add_shares<Channels>(in.row(down[i].in), across, row.data());
    add_row(row.data(), down[i].weight, samples, sums.data());
    if (i + 1 < down.size() && down[i + 1].out == down[i].out) continue;
    uint8_t* target = out + down[i].out * samples;
    for (size_t k = 0; k < samples; ++k) target[k] = to_byte(sums[k]);
    std::fill(sums.begin(), sums.end(), 0.0f);
  }
}

SJ_MULTIVERSION
void add_rows(const uint8_t* a, const uint8_t* b, size_t count, uint16_t* sums) {
  for (size_t i = 0; i < count; ++i) sums[i] = static_cast<uint16_t>(a[i] + b[i]);
}

template <int Channels, int Divisor>
void average_pairs(const uint16_t* sums, int width, uint8_t* out) {
  for (int x = 0; x < width; ++x) {
    for (int c = 0; c < Channels; ++c) {
      const int left = x * Divisor * Channels + c;
      out[x * Channels + c] = static_cast<uint8_t>((sums[left] + sums[left + Channels] + 2) >> 2);
    }
  }
}

template <int Channels, int Divisor>
void average_four(const ImageView& in, int first_row, int first_col, uint8_t* out) {
  const int height = in.height / Divisor, width = in.width / Divisor;
  const size_t samples = static_cast<size_t>(in.width) * Channels;
  std::vector<uint16_t> sums(samples);
  for (int y = 0; y < height; ++y, out += width * Channels) {
    const uint8_t* top = in.row(y * Divisor + first_row + Divisor / 4);
    add_rows(top, top + samples, samples, sums.data());
    average_pairs<Channels, Divisor>(sums.data() + (first_col + Divisor / 4) * Channels, width, out);
  }
}

// Means of whole pixels; true where both scales are integers.
bool average_whole(const ImageView& in, int height, int width, uint8_t* out) {
  const double scales[] = {scale_of(in.height, height), scale_of(in.width, width)};
  const int rows = static_cast<int>(std::lrint(scales[0])), cols = static_cast<int>(std::lrint(scales[1]));
  if (std::abs(scales[0] - rows) >= DBL_EPSILON || std::abs(scales[1] - cols) >= DBL_EPSILON) return false;
  if (rows == 2 && cols == 2) {
    in.channels == 1 ? average_four<1, 2>(in, 0, 0, out) : average_four<3, 2>(in, 0, 0, out);
    return true;
  }
  const float share = 1.0f / (rows * cols);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < in.channels; ++c) {
        int sum = 0;
        for (int i = 0; i < rows * cols; ++i) {
          sum += in.row(y * rows + i / cols)[(x * cols + i % cols) * in.channels + c];
        }
        *out++ = to_byte(sum * share);
      }
    }
  }
  return true;
}

// The two pixels of the input on both sides of one of the output, and the weights of both.
struct Pair {
  int first;
  int second;
  int weights[2];
};

constexpr int kOne = 1 << 11;

Pair pair_at(int i, double scale, int length, bool inside) {
  float offset = static_cast<float>((i + 0.5) * scale - 0.5);
  int first = static_cast<int>(std::floor(offset));
  offset -= static_cast<float>(first);
  if (inside && (first < 0 || first >= length - 1)) offset = 0.0f, first = std::clamp(first, 0, length - 1);
  const int weights[] = {static_cast<int>(std::lrintf((1.0f - offset) * kOne)),
                         static_cast<int>(std::lrintf(offset * kOne))};
  return {std::clamp(first, 0, length - 1), std::clamp(first + 1, 0, length - 1), {weights[0], weights[1]}};
}

std::vector<Pair> pairs_of(int in, int out, bool inside) {
  std::vector<Pair> pairs;
  for (int i = 0; i < out; ++i) pairs.push_back(pair_at(i, scale_of(in, out), in, inside));
  return pairs;
}

void interpolate_row(const uint8_t* row, const std::vector<Pair>& pairs, int channels, int* out) {
  for (const Pair& pair : pairs) {
    for (int c = 0; c < channels; ++c) {
      *out++ = row[pair.first * channels + c] * pair.weights[0] + row[pair.second * channels + c] * pair.weights[1];
    }
  }
}

SJ_MULTIVERSION
void blend_rows(const int* a, const int* b, const int* weights, int count, const float* table, float* out) {
  for (int i = 0; i < count; ++i) out[i] = table[(a[i] * weights[0] + b[i] * weights[1] + (1 << 15)) >> 16];
}

// A position between two values of a map, in 8 bits.
Pair exact_pair_at(int i, double scale, int length) {
  const double position = scale * (i + 0.5) - 0.5;
  const int first = static_cast<int>(std::floor(position));
  if (first < 0 || length == 1) return {0, 0, {256, 0}};
  if (first >= length - 1) return {length - 1, length - 1, {256, 0}};
  const int second = static_cast<int>(std::lrint((position - first) * 256));
  return {first, first + 1, {256 - second, second}};
}

std::vector<Pair> exact_pairs_of(int in, int out) {
  const double scale = 1.0 / (static_cast<double>(out) / in);
  std::vector<Pair> pairs;
  for (int i = 0; i < out; ++i) pairs.push_back(exact_pair_at(i, scale, in));
  return pairs;
}

}  // namespace

void resize_area(const ImageView& in, int height, int width, uint8_t* out) {
  if (in.height == height && in.width == width) {
    std::memcpy(out, in.data, in.pixels() * in.channels);
  } else if (!average_whole(in, height, width, out)) {
    in.channels == 1 ? average<1>(in, height, width, out) : average<3>(in, height, width, out);
  }
}

void resize_linear(const ImageView& in, int height, int width, uint8_t* out) {
  const std::vector<Pair> across = pairs_of(in.width, width, true), down = pairs_of(in.height, height, false);
  const size_t samples = static_cast<size_t>(width) * in.channels;
  std::vector<int> rows[] = {std::vector<int>(samples), std::vector<int>(samples)};
  for (int y = 0; y < height; ++y) {
    interpolate_row(in.row(down[y].first), across, in.channels, rows[0].data());
    interpolate_row(in.row(down[y].second), across, in.channels, rows[1].data());
    const int *a = rows[0].data(), *b = rows[1].data(), *weights = down[y].weights;
    for (size_t i = 0; i < samples; ++i) {
      *out++ = static_cast<uint8_t>((((weights[0] * (a[i] >> 4)) >> 16) + ((weights[1] * (b[i] >> 4)) >> 16) + 2) >> 2);
    }
  }
}

void mean_of_four(const ImageView& in, int divisor, int first_row, int first_col, uint8_t* out) {
  if (in.channels == 1) {
    (divisor == 2 ? average_four<1, 2> : average_four<1, 4>)(in, first_row, first_col, out);
  } else {
    (divisor == 2 ? average_four<3, 2> : average_four<3, 4>)(in, first_row, first_col, out);
  }
}

void enlarge_exact(const ImageView& in, int height, int width, const float* table, float* out) {
  const std::vector<Pair> across = exact_pairs_of(in.width, width), down = exact_pairs_of(in.height, height);
  std::vector<int> rows[] = {std::vector<int>(width), std::vector<int>(width)};
  int held[] = {-1, -1};  // rows of the input that both are
  for (const Pair& pair : down) {
    for (int i : {0, 1}) {
      const int wanted = i ? pair.second : pair.first;
      if (held[i] != wanted) interpolate_row(in.row(wanted), across, 1, rows[i].data());
      held[i] = wanted;
    }
    blend_rows(rows[0].data(), rows[1].data(), pair.weights, width, table, out);
    out += width;
  }
}

}  // namespace saliency_jpeg::image
