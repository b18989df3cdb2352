// A latent: small integers of a network, in channels of rows and columns, which a layer holds.
//
// What is known of a place, its neighbours in the channel and the channels before it, tells the probability of each
// decision: whether the integer is other than 0, its sign, its size.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace saliency_jpeg::codec {

constexpr int kMostLatent = 15;  // largest size of an integer
constexpr int kMostLatentChannels = 64;

// The shape of a latent; `rows` and `cols` are at least 1.
struct LatentShape {
  int channels, rows, cols;
};

// Codes integers from -kMostLatent to kMostLatent, channel by channel, row by row.
std::string encode_latent(const int8_t* latent, const LatentShape& shape);

// Decodes them into `latent`.  Any bytes are a code of some latent.
void decode_latent(std::string_view code, const LatentShape& shape, int8_t* latent);

}  // namespace saliency_jpeg::codec
