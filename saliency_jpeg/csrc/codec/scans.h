// Scans: the default scripts, and the walk over the blocks of one scan.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "codec/symbols.h"
#include "codec/types.h"

namespace saliency_jpeg::codec {

// Returns the scans of a sequential frame (T.81 F.1.1): one scan of all components, or one scan for each component if
// an MCU of all components would be too large.
std::vector<Scan> sequential_script(const Frame& frame);

// Returns the DC scans of a progressive frame (T.81 G.1.2.1), divided in the same way.
std::vector<Scan> dc_script(const Frame& frame);

// The nonzero masks of all blocks of a component.  All scans use them.
using Masks = std::vector<uint64_t>;
Masks nonzero_masks(const LevelView& levels, int threads = 1);
std::vector<Masks> nonzero_masks(const Frame& frame, int threads);

// The Huffman tables of a component: slot 0 for the first component, slot 1 for all others.
constexpr int kCodeSlots = 2;
inline int code_slot(int component) { return component == 0 ? 0 : 1; }

// Walks over the blocks of one scan in the order of T.81 A.2.  `Sinks` has dc(slot), ac(slot) and restart().
template <class Sinks>
class ScanWalk {
 public:
  ScanWalk(const Frame& frame, const std::vector<Masks>& masks, const Scan& scan, Sinks& sinks)
      : frame_(frame),
        masks_(masks),
        scan_(scan),
        ac_{{}, scan.ss == 0 ? 1 : scan.ss, scan.se, scan.ah, scan.al},
        sinks_(sinks),
        eob_(frame.progressive ? kMaxEobRun : 1) {}

  void run() {
    if (scan_.components.size() == 1) {
      walk_single(scan_.components[0]);
    } else {
      walk_interleaved();
    }
    flush();
  }

 private:
  // A.2.2: a scan of one component has its blocks row by row, without padding.
  void walk_single(int index) {
    const LevelView& levels = frame_.components[index].levels;
    for (size_t i = 0; i < levels.count(); ++i) {
      begin_mcu();
      walk_block(index, i, levels.at(i));
    }
  }

  // A.2.3: an MCU has h x v blocks of each component.
  void walk_interleaved() {
    const int mcu_rows = mcus_along(frame_.height, frame_.max_v());
    const int mcu_cols = mcus_along(frame_.width, frame_.max_h());
    for (int row = 0; row < mcu_rows; ++row) {
      for (int col = 0; col < mcu_cols; ++col) {
        begin_mcu();
        for (int index : scan_.components) walk_mcu_blocks(index, row, col);
      }
    }
  }

  void walk_mcu_blocks(int index, int mcu_row, int mcu_col) {
    const Component& c = frame_.components[index];
    for (int y = mcu_row * c.v; y < (mcu_row + 1) * c.v; ++y) {
      for (int x = mcu_col * c.h; x < (mcu_col + 1) * c.h; ++x) {
        if (y < c.levels.rows && x < c.levels.cols) {
          walk_block(index, static_cast<size_t>(y) * c.levels.cols + x, c.levels.at(y, x));
        } else {
          walk_padding(index);
        }
      }
    }
  }

  void walk_block(int index, size_t number, const int16_t* levels) {
    const int slot = code_slot(index);
    if (scan_.ss == 0) {
      if (scan_.ah == 0) {
        walk_dc_first(levels, scan_.al, prediction_[index], sinks_.dc(slot));
      } else {
        walk_dc_refine(levels, scan_.al, sinks_.dc(slot));
      }
    }
    if (scan_.se == 0) return;
    const uint64_t mask = masks_[index][number];
    if (scan_.ah == 0) {
      walk_ac_first(levels, mask, ac_, eob_, sinks_.ac(slot));
    } else {
      walk_ac_refine(levels, mask, ac_, eob_, corrections_, sinks_.ac(slot));
    }
  }

  // A.2.4: blocks outside the component complete an MCU.  They repeat the DC before them, which takes the fewest bits.
  void walk_padding(int index) {
    int16_t levels[kBlockSize] = {};
    levels[0] = static_cast<int16_t>(prediction_[index] * (1 << scan_.al));
    const int slot = code_slot(index);
    if (scan_.ah != 0) {
      walk_dc_refine(levels, scan_.al, sinks_.dc(slot));
      return;
    }
    walk_dc_first(levels, scan_.al, prediction_[index], sinks_.dc(slot));
    if (scan_.se != 0) walk_ac_first(levels, 0, ac_, eob_, sinks_.ac(slot));
  }

  // E.1.4: a restart marker resets the DC predictions and ends end-of-band runs.
  void begin_mcu() {
    if (frame_.restart_interval > 0 && mcus_ == frame_.restart_interval) {
      flush();
      sinks_.restart();
      prediction_.fill(0);
      mcus_ = 0;
    }
    ++mcus_;
  }

  void flush() {
    if (scan_.se > 0) eob_.flush(sinks_.ac(code_slot(scan_.components[0])));
  }

  const Frame& frame_;
  const std::vector<Masks>& masks_;
  const Scan& scan_;
  const Scan ac_;  // the scan without DC
  Sinks& sinks_;
  EobRun eob_;
  std::array<int, kMaxComponents> prediction_{};
  std::vector<uint8_t> corrections_;
  int mcus_ = 0;  // since the last restart marker
};

}  // namespace saliency_jpeg::codec
