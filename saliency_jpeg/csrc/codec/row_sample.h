// A part of a component's blocks, for choices that do not need them all.
#pragma once

#include <algorithm>
#include <vector>

#include "codec/types.h"

namespace jpegcore {

// Every n-th row of blocks, n the largest that leaves about `blocks` of them; 0 is all.
class RowSample {
 public:
  RowSample(const LevelView& all, size_t blocks) : view_(all) {
    const size_t n = blocks == 0 ? 1 : std::clamp<size_t>(all.count() / blocks, 1, static_cast<size_t>(all.rows));
    if (n == 1) return;
    const size_t row = static_cast<size_t>(all.cols) * kBlockSize;
    for (size_t y = 0; y < static_cast<size_t>(all.rows); y += n) {
      levels_.insert(levels_.end(), all.data + y * row, all.data + (y + 1) * row);
    }
    view_ = {levels_.data(), static_cast<int>(levels_.size() / row), all.cols};
  }
  RowSample(RowSample&&) = default;  // the levels stay where they are
  RowSample(const RowSample&) = delete;

  const LevelView& view() const { return view_; }
  bool is_all() const { return levels_.empty(); }

 private:
  std::vector<int16_t> levels_;
  LevelView view_;
};

}  // namespace jpegcore
