// Which coefficients are sent when: scan scripts, their legality, and the walk of one scan over its blocks.
#pragma once

#include <vector>

#include "codec/symbols.h"
#include "codec/types.h"

namespace jpegcore {

// The sequential scans of a frame (T.81 F.1.1): all components together, or one by one where an MCU would be too large.
std::vector<Scan> sequential_script(const Frame& frame);

// The DC scans of a progressive frame (T.81 G.1.2.1), divided in the same way.
std::vector<Scan> dc_script(const Frame& frame);

// Throws std::invalid_argument unless `scans` is a legal progression (T.81 G.1.1.1) that sends every coefficient once.
void check_script(const std::vector<Scan>& scans, const Frame& frame);

// The nonzero masks of all blocks of a component: computed once, used by every scan.
using Masks = std::vector<uint64_t>;
Masks nonzero_masks(const LevelView& levels);
std::vector<Masks> nonzero_masks(const Frame& frame);

// Huffman table slot of a component: 0 for the first, 1 for the others.
inline int table_slot(int component) { return component == 0 ? 0 : 1; }

// Walks the blocks of one scan in the order of T.81 A.2.  `Sinks` gives dc(slot), ac(slot) and restart().
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
  // A.2.2: a scan of one component takes its blocks row by row, without padding.
  void walk_single(int index) {
    const LevelView& levels = frame_.components[index].levels;
    for (size_t i = 0; i < levels.count(); ++i) {
      begin_mcu();
      block(index, i, levels.at(i));
    }
  }

  // A.2.3: MCUs of h x v blocks of each component; blocks outside the component repeat the DC before them.
  void walk_interleaved() {
    const int mcu_rows = ceil_div(frame_.height, 8 * frame_.max_v());
    const int mcu_cols = ceil_div(frame_.width, 8 * frame_.max_h());
    for (int row = 0; row < mcu_rows; ++row) {
      for (int col = 0; col < mcu_cols; ++col) {
        begin_mcu();
        for (int index : scan_.components) mcu_blocks(index, row, col);
      }
    }
  }

  void mcu_blocks(int index, int mcu_row, int mcu_col) {
    const Component& c = frame_.components[index];
    for (int y = mcu_row * c.v; y < (mcu_row + 1) * c.v; ++y) {
      for (int x = mcu_col * c.h; x < (mcu_col + 1) * c.h; ++x) {
        if (y < c.levels.rows && x < c.levels.cols) {
          block(index, static_cast<size_t>(y) * c.levels.cols + x, c.levels.at(y, x));
        } else {
          padding(index);
        }
      }
    }
  }

  void block(int index, size_t number, const int16_t* levels) {
    const int slot = table_slot(index);
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

  void padding(int index) {
    int16_t levels[kBlockSize] = {};
    levels[0] = static_cast<int16_t>(prediction_[index] * (1 << scan_.al));
    const int slot = table_slot(index);
    if (scan_.ah != 0) {
      walk_dc_refine(levels, scan_.al, sinks_.dc(slot));
      return;
    }
    walk_dc_first(levels, scan_.al, prediction_[index], sinks_.dc(slot));
    if (scan_.se != 0) walk_ac_first(levels, 0, ac_, eob_, sinks_.ac(slot));
  }

  // T.81 E.1.4: predictions and runs do not cross a restart marker.
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
    if (scan_.se > 0) eob_.flush(sinks_.ac(table_slot(scan_.components[0])));
  }

  const Frame& frame_;
  const std::vector<Masks>& masks_;
  const Scan& scan_;
  const Scan ac_;  // the scan without DC
  Sinks& sinks_;
  EobRun eob_;
  std::array<int, kMaxComponents> prediction_{};
  std::vector<uint8_t> corrections_;
  int mcus_ = 0;
};

}  // namespace jpegcore
