// A sample of the blocks of a component, for decisions that do not need all blocks.
#pragma once

#include <algorithm>
#include <vector>

#include "codec/types.h"

namespace saliency_jpeg::codec {

// Takes every n-th row of blocks, with the largest n that keeps about `blocks` blocks; 0 keeps all.
class RowSample {
 public:
  RowSample(const LevelView& all, size_t blocks) : view_(all) {
    const size_t n = blocks == 0 ? 1 : std::min(all.count() / blocks, static_cast<size_t>(all.rows));
    if (n <= 1) return;
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
