// Decodes the entropy-coded data of one scan into levels.
#pragma once

#include <array>
#include <vector>

#include "codec/bit_reader.h"
#include "codec/huffman_decoder.h"
#include "codec/types.h"
#include "common/zeroed_array.h"

namespace saliency_jpeg::codec {

// The levels of one component, filled scan by scan.
struct Plane {
  int h = 1;
  int v = 1;
  BlockView<int16_t> levels;
  ZeroedArray<uint64_t> nonzero;  // one mask for each block, zigzag order; progressive files only
};

// What a scan needs from the marker segments before it.
struct ScanInput {
  Scan scan;
  bool progressive = false;
  int mcu_rows = 0;  // of an interleaved scan
  int mcu_cols = 0;
  int restart_interval = 0;
  std::vector<const HuffmanDecoder*> dc;  // one for each of scan.components
  std::vector<const HuffmanDecoder*> ac;

  // True if every table that the scan uses is defined.
  bool has_codes() const {
    for (size_t i = 0; i < scan.components.size(); ++i) {
      const bool needs_dc = scan.ss == 0 && scan.ah == 0;
      const bool needs_ac = scan.se > 0;
      if ((needs_dc && !dc[i]->defined()) || (needs_ac && !ac[i]->defined())) return false;
    }
    return true;
  }
};

class ScanReader {
 public:
  ScanReader(const ScanInput& input, std::vector<Plane>& planes, const BitReader& bits)
      : in_(input), planes_(planes), bits_(bits) {}

  // Returns an offset at or after the end of the scan's data and at or before the next marker.
  size_t run();

  // After run(): bytes of the scan that belong to no block.
  size_t unread() const { return bits_.unread(); }

 private:
  void read_single();
  void read_interleaved();
  void read_mcu_blocks(int slot, int mcu_row, int mcu_col);
  void begin_mcu();
  void end_interval() const;
  void read_block(int slot, int16_t* levels, uint64_t* nonzero);
  void read_dc(int slot, int16_t* levels);
  void read_ac_first(const HuffmanDecoder& code, int16_t* levels, uint64_t* nonzero);
  void read_ac_refine(const HuffmanDecoder& code, int16_t* levels, uint64_t* nonzero);
  int refine_run(int k, int zeros, int16_t* levels, uint64_t nonzero);
  void refine_rest(int k, int16_t* levels, uint64_t nonzero);
  void refine(int16_t& level);
  int read_eob_run(int size);
  [[noreturn]] void fail(const char* what) const { throw FormatError(what, bits_.offset()); }

  const ScanInput& in_;
  std::vector<Plane>& planes_;
  BitReader bits_;
  std::array<int, kMaxComponents> prediction_{};
  int eob_run_ = 0;  // blocks left in the end-of-band run
  int mcus_ = 0;     // since the last restart marker
  int restarts_ = 0;
};

}  // namespace saliency_jpeg::codec
