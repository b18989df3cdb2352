// Fuzz target: any bytes are a code of a latent.  The input says its shape, and a code.  What it decodes to must come
// back when it is coded anew.
#include <cstdlib>
#include <vector>

#include "codec/latent.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace saliency_jpeg::codec;

  fuzz::Input in(data, size);
  // A place sees no farther than two rows and columns; more of them take time alone.
  const LatentShape shape{in.number(1, kMostLatentChannels), in.number(1, 4), in.number(1, 4)};
  std::vector<int8_t> decoded(static_cast<size_t>(shape.channels * shape.rows * shape.cols));
  std::vector<int8_t> again = decoded;
  decode_latent(in.text(size), shape, decoded.data());
  for (int8_t value : decoded) fuzz::check(std::abs(value) <= kMostLatent, "in range");
  decode_latent(encode_latent(decoded.data(), shape), shape, again.data());
  fuzz::check(decoded == again, "integers come back");
  return 0;
}
