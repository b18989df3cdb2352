// The rules for the scans of a frame (T.81 B.2.3 and G.1.1.1).  The reader checks every scan of a file against them,
// the writer every scan that it is asked to write.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "codec/types.h"

namespace saliency_jpeg::codec {

// Blocks in an MCU of the scan: B.2.3.
int mcu_blocks(const Scan& scan, const Frame& frame);

// Returns the fields of the scan header, for error messages.
std::string describe(const Scan& scan);

// Follows the scans of a frame and knows which bits of each coefficient they have sent.
class Progression {
 public:
  // Keeps a reference to `frame`, whose components must be known.
  explicit Progression(const Frame& frame);

  // Adds the next scan.  Returns null, or the rule that the scan breaks; then nothing was added.
  const char* add(const Scan& scan);

  // True if the component's DC has been sent.
  bool has_dc(int component) const { return lowest_sent_[component][0] != kNotSent; }

  // True if every coefficient of every component has been sent to its last bit.
  bool is_complete() const;

 private:
  static constexpr int8_t kNotSent = -1;

  const char* broken_rule(const Scan& scan) const;
  const char* broken_component_rule(const Scan& scan) const;
  const char* broken_band_rule(const Scan& scan) const;
  const char* broken_order_rule(const Scan& scan) const;

  const Frame& frame_;
  // For each component and coefficient, in zigzag order: Al of the last scan that sent it.
  std::vector<std::array<int8_t, kBlockSize>> lowest_sent_;
};

// Throws std::invalid_argument unless `scans` obey the rules, send every coefficient to its last bit and can be read by
// every reader: kMaxScans, and kMaxDcPointTransform as in libjpeg.
void check_script(const std::vector<Scan>& scans, const Frame& frame);

}  // namespace saliency_jpeg::codec
