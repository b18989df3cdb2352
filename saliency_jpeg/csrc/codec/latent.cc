#include "codec/latent.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>

#include "codec/binary_coder.h"
#include "codec/context_mixer.h"

namespace saliency_jpeg::codec {
namespace {

constexpr int kNodes = 4;         // is it 0, its sign, is it beyond 1, is it beyond 2 or more
constexpr int kAround = 6;        // how a sum of sizes is told apart
constexpr size_t kPlaces = 1024;  // entries that `at_place` tells apart

int coarse(int sum) { return sum <= 3 ? sum : sum <= 6 ? 4 : kAround - 1; }

int sign_of(int value) { return value > 0 ? 2 : value < 0 ? 1 : 0; }

// The integers so far, 0 beyond the edges.
class Known {
 public:
  Known(const int8_t* latent, const LatentShape& shape) : latent_(latent), shape_(shape) {}

  int at(int channel, int row, int col) const {
    const bool is_inside = channel >= 0 && row >= 0 && row < shape_.rows && col >= 0 && col < shape_.cols;
    return is_inside ? latent_[(static_cast<size_t>(channel) * shape_.rows + row) * shape_.cols + col] : 0;
  }
  int size(int channel, int row, int col) const { return std::abs(at(channel, row, col)); }

  // Of a place and the eight around it.
  int sum_around(int channel, int row, int col) const {
    int sum = 0;
    for (int r = row - 1; r <= row + 1; ++r) {
      for (int c = col - 1; c <= col + 1; ++c) sum += size(channel, r, c);
    }
    return sum;
  }

 private:
  const int8_t* latent_;
  LatentShape shape_;
};

struct Situation {
  Contexts contexts;
  std::array<int, kMixers> sets;
};

// `before`: the sum of the sizes in the channels before, at this place.
Situation at_place(const Known& known, int channel, int row, int col, int before) {
  const int left = known.size(channel, row, col - 1), above = known.size(channel, row - 1, col);
  const int corners = known.size(channel, row - 1, col - 1) + known.size(channel, row - 1, col + 1);
  const int farther = known.size(channel, row, col - 2) + known.size(channel, row - 2, col);
  const int near = coarse(2 * (left + above) + corners), last = coarse(known.sum_around(channel - 1, row, col));
  Situation result;
  result.contexts = {
      channel,
      channel * kAround + near,
      channel * 9 + std::min(left, 2) * 3 + std::min(above, 2),
      near * kAround + coarse(farther),
      coarse(before) * kAround + near,
      channel * kAround + coarse(before),
      (last * 3 + std::min(known.size(channel - 1, row, col), 2)) * kAround + near,
      channel * kAround + coarse(left + above + corners + farther + known.size(channel - 2, row, col)),
  };
  result.sets = {channel, near};
  return result;
}

Situation at_sign(const Known& known, int channel, int row, int col) {
  const int left = sign_of(known.at(channel, row, col - 1)), above = sign_of(known.at(channel, row - 1, col));
  const int last = sign_of(known.at(channel - 1, row, col)), second = sign_of(known.at(channel - 2, row, col));
  Situation result;
  result.contexts = {
      channel,
      channel * 9 + left * 3 + above,
      channel * 3 + left,
      channel * 3 + above,
      channel * 3 + last,
      channel * 9 + last * 3 + second,
      left * 3 + above,
      channel * 3 + sign_of(known.at(channel - 4, row, col)),
  };
  result.sets = {channel, last};
  return result;
}

// Goes through all places.  `Coder` says or learns each bit: `bit = coder(bit, probability)`.
template <class T, class Coder>
void walk(T* latent, const LatentShape& shape, Coder& coder) {
  const Known known(latent, shape);
  ContextMixer mixer(kPlaces * kNodes, static_cast<size_t>(kMostLatentChannels) * kNodes);
  const auto decide = [&](Situation situation, int node, bool bit) {
    for (int& context : situation.contexts) context = context * kNodes + node;
    for (int& set : situation.sets) set = set * kNodes + node;
    bit = coder(bit, mixer.probability(situation.contexts, situation.sets));
    mixer.update(bit);
    return bit;
  };
  T* next = latent;
  for (int channel = 0; channel < shape.channels; ++channel) {
    for (int row = 0; row < shape.rows; ++row) {
      for (int col = 0; col < shape.cols; ++col, ++next) {
        int before = 0;
        for (int c = 0; c < channel; ++c) before += known.size(c, row, col);
        const Situation situation = at_place(known, channel, row, col, before);
        const int given = *next;
        int size = decide(situation, 0, given != 0);
        if (size != 0) {
          const bool is_negative = decide(at_sign(known, channel, row, col), 1, given < 0);
          while (size < kMostLatent && decide(situation, std::min(size + 1, kNodes - 1), std::abs(given) > size))
            ++size;
          if (is_negative) size = -size;
        }
        coder.keep(*next, size);
      }
    }
  }
}

struct Writing {
  bool operator()(bool bit, int probability) {
    encoder.code(bit, probability);
    return bit;
  }
  static void keep(const int8_t&, int) {}
  BinaryEncoder encoder;
};

struct Reading {
  bool operator()(bool, int probability) { return decoder.decode(probability); }
  static void keep(int8_t& place, int value) { place = static_cast<int8_t>(value); }
  BinaryDecoder decoder;
};

}  // namespace

std::string encode_latent(const int8_t* latent, const LatentShape& shape) {
  Writing writing;
  walk(latent, shape, writing);
  return writing.encoder.finish();
}

void decode_latent(std::string_view code, const LatentShape& shape, int8_t* latent) {
  std::fill_n(latent, static_cast<size_t>(shape.channels) * shape.rows * shape.cols, int8_t{0});
  Reading reading{BinaryDecoder(code)};
  walk(latent, shape, reading);
}

}  // namespace saliency_jpeg::codec
