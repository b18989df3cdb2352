#include "codec/scan_reader.h"

#include <algorithm>
#include <cstdlib>

#include "codec/constants.h"
#include "codec/symbols.h"
#include "common/require.h"

namespace saliency_jpeg::codec {

size_t ScanReader::run() {
  if (in_.scan.components.size() == 1) {
    read_single();
  } else {
    read_interleaved();
  }
  end_interval();
  return bits_.offset();
}

// T.81 A.2.2: a scan of one component has its blocks row by row, without padding.
void ScanReader::read_single() {
  const Plane& plane = planes_[in_.scan.components[0]];
  for (size_t i = 0; i < plane.levels.count(); ++i) {
    begin_mcu();
    read_block(0, plane.levels.at(i), in_.progressive ? &plane.nonzero[i] : nullptr);
  }
}

// T.81 A.2.3.
void ScanReader::read_interleaved() {
  const int slots = static_cast<int>(in_.scan.components.size());
  for (int row = 0; row < in_.mcu_rows; ++row) {
    for (int col = 0; col < in_.mcu_cols; ++col) {
      begin_mcu();
      for (int slot = 0; slot < slots; ++slot) read_mcu_blocks(slot, row, col);
    }
  }
}

// T.81 A.2.4: an MCU at the edge has padding blocks outside the component.  They are read and dropped.
void ScanReader::read_mcu_blocks(int slot, int mcu_row, int mcu_col) {
  const Plane& plane = planes_[in_.scan.components[slot]];
  for (int y = mcu_row * plane.v; y < (mcu_row + 1) * plane.v; ++y) {
    for (int x = mcu_col * plane.h; x < (mcu_col + 1) * plane.h; ++x) {
      int16_t dropped[kBlockSize] = {};
      const bool inside = y < plane.levels.rows && x < plane.levels.cols;
      read_block(slot, inside ? plane.levels.at(y, x) : dropped, nullptr);
    }
  }
}

// T.81 E.2.4: a restart marker resets the DC predictions and ends end-of-band runs.
void ScanReader::begin_mcu() {
  if (in_.restart_interval > 0 && mcus_ == in_.restart_interval) {
    end_interval();
    bits_.expect_marker(kRST0 + restarts_);
    restarts_ = (restarts_ + 1) % kRestartMarkers;
    prediction_.fill(0);
    mcus_ = 0;
  }
  ++mcus_;
}

void ScanReader::end_interval() const {
  if (eob_run_ > 0) fail("an end-of-band run is longer than its scan or restart interval");
}

void ScanReader::read_block(int slot, int16_t* levels, uint64_t* nonzero) {
  if (in_.scan.ss == 0) read_dc(slot, levels);
  if (in_.scan.se == 0) return;
  if (in_.scan.ah == 0) {
    read_ac_first(*in_.ac[slot], levels, nonzero);
  } else {
    read_ac_refine(*in_.ac[slot], levels, nonzero);
  }
}

// T.81 F.2.2.1 and G.1.2.1.
void ScanReader::read_dc(int slot, int16_t* levels) {
  const int step = 1 << in_.scan.al;
  if (in_.scan.ah > 0) {
    if (bits_.get(1) != 0) levels[0] = static_cast<int16_t>(levels[0] | step);
    return;
  }
  const int category = in_.dc[slot]->decode(bits_);
  if (category > kMaxDcCategory) fail("a DC difference has more than 11 bits");
  const int value = prediction_[slot] + bits_.get_value(category);
  if (!in_range(value * step, kMinDcLevel, kMaxDcLevel)) fail("a DC level is outside -1024..1023");
  prediction_[slot] = value;
  levels[0] = static_cast<int16_t>(value * step);
}

// T.81 F.2.2.2 and G.1.2.2.
void ScanReader::read_ac_first(const HuffmanDecoder& code, int16_t* levels, uint64_t* nonzero) {
  if (eob_run_ > 0) {
    --eob_run_;
    return;
  }
  const int se = in_.scan.se;
  for (int k = std::max(in_.scan.ss, 1); k <= se; ++k) {
    const int symbol = code.decode(bits_);
    const int size = symbol & 15;
    if (size == 0 && symbol != kZrl) {
      eob_run_ = read_eob_run(symbol >> 4) - 1;
      return;
    }
    k += symbol >> 4;
    if (k > se) fail("a run of zeros goes past the end of its band");
    if (size == 0) continue;
    if (size > kMaxAcCategory) fail("an AC level has more than 10 bits");
    const int level = bits_.get_value(size) * (1 << in_.scan.al);
    if (std::abs(level) > kMaxAcLevel) fail("an AC level is outside -1023..1023");
    levels[kZigzag[k]] = static_cast<int16_t>(level);
    if (nonzero != nullptr) *nonzero |= uint64_t{1} << k;
  }
}

// T.81 G.1.2.3: a symbol stands for a run of zero levels and a new level of 1 or -1.  Levels that are nonzero already
// do not count in the run; each has a correction bit.
void ScanReader::read_ac_refine(const HuffmanDecoder& code, int16_t* levels, uint64_t* nonzero) {
  const int step = 1 << in_.scan.al;
  const uint64_t before = *nonzero;
  int k = in_.scan.ss;
  while (eob_run_ == 0 && k <= in_.scan.se) {
    const int symbol = code.decode(bits_);
    const int size = symbol & 15;
    if (size == 0 && symbol != kZrl) {
      eob_run_ = read_eob_run(symbol >> 4);
      break;
    }
    if (size > 1) fail("a level that becomes nonzero in a refinement scan must be 1 or -1");
    const bool positive = size == 1 && bits_.get(1) != 0;
    k = refine_run(k, symbol >> 4, levels, before);
    if (size == 1) {
      levels[kZigzag[k]] = static_cast<int16_t>(positive ? step : -step);
      *nonzero |= uint64_t{1} << k;
    }
    ++k;
  }
  if (eob_run_ > 0) {
    refine_rest(k, levels, before);
    --eob_run_;
  }
}

// Refines the nonzero levels from k on and skips `zeros` zero levels.  Returns the position of the next zero level.
int ScanReader::refine_run(int k, int zeros, int16_t* levels, uint64_t nonzero) {
  for (; k <= in_.scan.se; ++k) {
    if ((nonzero >> k & 1) != 0) {
      refine(levels[kZigzag[k]]);
    } else if (zeros-- == 0) {
      return k;
    }
  }
  fail("a run of zeros goes past the end of its band");
}

// Refines the nonzero levels from k to the end of the band.
void ScanReader::refine_rest(int k, int16_t* levels, uint64_t nonzero) {
  if (k > in_.scan.se) return;
  for (uint64_t left = nonzero & band_mask(k, in_.scan.se); left != 0; left &= left - 1) {
    refine(levels[kZigzag[__builtin_ctzll(left)]]);
  }
}

void ScanReader::refine(int16_t& level) {
  if (bits_.get(1) == 0) return;
  const int step = 1 << in_.scan.al;
  level = static_cast<int16_t>(level < 0 ? level - step : level + step);
}

// T.81 G.1.2.2: the number of blocks in an end-of-band run, this block included.
int ScanReader::read_eob_run(int size) {
  if (size > 0 && !in_.progressive) fail("an end-of-band run in a sequential scan");
  return (1 << size) + static_cast<int>(bits_.get(size));
}

}  // namespace saliency_jpeg::codec
