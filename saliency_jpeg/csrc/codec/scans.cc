#include "codec/scans.h"

#include <numeric>

#include "codec/progression.h"
#include "common/parallel.h"

namespace saliency_jpeg::codec {
namespace {

// Returns `pattern` for all components together, or for each component if their MCU would be too large.
std::vector<Scan> repeat_for_components(const Frame& frame, const Scan& pattern) {
  Scan together = pattern;
  together.components.resize(frame.components.size());
  std::iota(together.components.begin(), together.components.end(), 0);
  if (mcu_blocks(together, frame) <= kMaxMcuBlocks) return {together};
  std::vector<Scan> scans;
  for (int c : together.components) {
    scans.push_back(pattern);
    scans.back().components = {c};
  }
  return scans;
}

}  // namespace

std::vector<Scan> sequential_script(const Frame& frame) {
  return repeat_for_components(frame, {{}, 0, kLastCoefficient, 0, 0});
}

std::vector<Scan> dc_script(const Frame& frame) { return repeat_for_components(frame, {{}, 0, 0, 0, 0}); }

Masks nonzero_masks(const LevelView& levels, int threads) {
  Masks masks(levels.count());
  parallel_for(levels.rows, rows_in_part(levels.cols), threads, [&](int begin, int end) {
    const size_t last = static_cast<size_t>(end) * levels.cols;
    for (size_t i = static_cast<size_t>(begin) * levels.cols; i < last; ++i) masks[i] = nonzero_mask(levels.at(i));
  });
  return masks;
}

std::vector<Masks> nonzero_masks(const Frame& frame, int threads) {
  std::vector<Masks> masks;
  for (const Component& c : frame.components) masks.push_back(nonzero_masks(c.levels, threads));
  return masks;
}

}  // namespace saliency_jpeg::codec
