// A sample of the blocks of a component, for decisions that do not need all blocks.
#pragma once

#include <algorithm>
#include <vector>

#include "codec/types.h"

namespace saliency_jpeg::codec {

// Returns the n with which every n-th row of blocks is about `blocks` blocks; 0 blocks stand for all.
inline size_t row_step(const LevelView& all, size_t blocks) {
  return blocks == 0 ? 1 : std::max<size_t>((all.count() + blocks / 2) / blocks, 1);
}

// Takes every n-th row of blocks.
class RowSample {
 public:
  RowSample(const LevelView& all, size_t n) : view_(all) {
    if (n <= 1 || all.rows <= 1) return;
    const size_t row = static_cast<size_t>(all.cols) * kBlockSize;
    for (size_t y = 0; y < static_cast<size_t>(all.rows); y += n) {
      levels_.insert(levels_.end(), all.data + y * row, all.data + (y + 1) * row);
    }
    view_ = {levels_.data(), static_cast<int>(levels_.size() / row), all.cols};
  }
  RowSample(RowSample&&) = default;  // a moved vector keeps its memory, so the view stays valid
  RowSample(const RowSample&) = delete;

  const LevelView& view() const { return view_; }
  bool is_all() const { return levels_.empty(); }

 private:
  std::vector<int16_t> levels_;
  LevelView view_;
};

}  // namespace saliency_jpeg::codec
