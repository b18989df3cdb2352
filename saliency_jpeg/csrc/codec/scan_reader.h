// Decodes the entropy-coded data of one scan into levels.
#pragma once

#include <array>
#include <vector>

#include "codec/bit_reader.h"
#include "codec/huffman_decoder.h"
#include "codec/scans.h"
#include "codec/types.h"
#include "common/zeroed_array.h"

namespace jpegcore {

// One component while its scans come in.
struct Plane {
  int h = 1;
  int v = 1;
  BlockView<int16_t> levels;
  ZeroedArray<uint64_t> nonzero;  // zigzag masks of the blocks, progressive only
};

// What a scan takes from the marker segments before it; the tables are those of scan.components, in their order.
struct ScanInput {
  Scan scan;
  bool progressive = false;
  int mcu_rows = 0;  // of an interleaved scan
  int mcu_cols = 0;
  int restart_interval = 0;
  std::vector<const HuffmanDecoder*> dc;
  std::vector<const HuffmanDecoder*> ac;
};

class ScanReader {
 public:
  ScanReader(const ScanInput& input, std::vector<Plane>& planes, const BitReader& bits)
      : in_(input), planes_(planes), bits_(bits) {}

  // Returns an offset with no marker between it and the end of the scan's data.
  size_t run();

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
  int pass_zeros(int k, int run, int16_t* levels, uint64_t nonzero);
  void correct(int16_t& level);
  int eob_run(int size);
  [[noreturn]] void fail(const char* what) const { throw FormatError(what, bits_.offset()); }

  const ScanInput& in_;
  std::vector<Plane>& planes_;
  BitReader bits_;
  std::array<int, kMaxComponents> prediction_{};
  int eob_run_ = 0;  // blocks of the run that are still to come
  int mcus_ = 0;     // since the last restart
  int restarts_ = 0;
};

}  // namespace jpegcore
