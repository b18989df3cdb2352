// Fuzz target: any bytes are a code of detail.  The input says the sizes of the components, where their detail begins,
// and a code.  What it decodes to must come back when it is coded anew.
#include <vector>

#include "codec/detail.h"
#include "codec/limits.h"
#include "fuzz.h"

namespace {

using namespace saliency_jpeg::codec;

struct Blocks {
  int rows, cols;
  std::vector<int16_t> levels;

  BlockView<int16_t> view() { return {levels.data(), rows, cols}; }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input in(data, size);
  std::vector<Blocks> components(static_cast<size_t>(in.number(1, kMaxComponents)));
  std::vector<int> firsts;
  std::vector<BlockView<int16_t>> views;
  for (Blocks& each : components) {
    each = {in.number(1, 3), in.number(1, 3), {}};  // a block sees its next neighbours; more take time alone
    const int level = in.number(-2, 2);
    each.levels.assign(static_cast<size_t>(each.rows * each.cols * kBlockSize), static_cast<int16_t>(level));
    firsts.push_back(in.number(1, kBlockSize));
    views.push_back(each.view());
  }
  decode_detail(in.text(size), firsts, views);

  std::vector<LevelView> decoded;
  for (const BlockView<int16_t>& view : views) decoded.push_back({view.data, view.rows, view.cols});
  std::vector<Blocks> again = components;
  std::vector<BlockView<int16_t>> views_again;
  for (Blocks& each : again) views_again.push_back(each.view());
  decode_detail(encode_detail(decoded, firsts), firsts, views_again);
  for (size_t c = 0; c < components.size(); ++c) {
    for (int16_t level : components[c].levels) fuzz::check(level >= -kMaxAcLevel && level <= kMaxAcLevel, "in range");
    fuzz::check(components[c].levels == again[c].levels, "levels come back");
  }
  return 0;
}
