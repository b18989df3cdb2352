#include "codec/progression.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "common/require.h"

namespace saliency_jpeg::codec {

int mcu_blocks(const Scan& scan, const Frame& frame) {
  int blocks = 0;
  for (int c : scan.components) blocks += frame.components[c].h * frame.components[c].v;
  return blocks;
}

std::string describe(const Scan& scan) {
  std::string text = "components";
  for (int c : scan.components) text += " " + std::to_string(c);
  return text + ", Ss " + std::to_string(scan.ss) + ", Se " + std::to_string(scan.se) + ", Ah " +
         std::to_string(scan.ah) + ", Al " + std::to_string(scan.al);
}

Progression::Progression(const Frame& frame) : frame_(frame), lowest_sent_(frame.components.size()) {
  for (auto& component : lowest_sent_) component.fill(kNotSent);
}

const char* Progression::add(const Scan& scan) {
  if (const char* rule = broken_rule(scan)) return rule;
  for (int c : scan.components) {
    std::fill(&lowest_sent_[c][scan.ss], &lowest_sent_[c][scan.se] + 1, static_cast<int8_t>(scan.al));
  }
  return nullptr;
}

bool Progression::is_complete() const {
  return std::all_of(lowest_sent_.begin(), lowest_sent_.end(), [](const auto& component) {
    return std::all_of(component.begin(), component.end(), [](int al) { return al == 0; });
  });
}

const char* Progression::broken_rule(const Scan& scan) const {
  if (const char* rule = broken_component_rule(scan)) return rule;
  if (const char* rule = broken_band_rule(scan)) return rule;
  return broken_order_rule(scan);
}

// B.2.3: components in the order of the frame header, and the size of an MCU.
const char* Progression::broken_component_rule(const Scan& scan) const {
  if (scan.components.empty()) return "a scan must have a component";
  int before = -1;
  for (int c : scan.components) {
    if (!in_range(c, before + 1, static_cast<int>(frame_.components.size()) - 1)) {
      return "the components of a scan must be components of the frame, in the frame's order";
    }
    before = c;
  }
  if (scan.components.size() > 1 && mcu_blocks(scan, frame_) > kMaxMcuBlocks) {
    return "an MCU must have at most 10 blocks";
  }
  return nullptr;
}

// Table B.3, G.1.1.1.1 and G.1.1.1.2: the values that Ss, Se, Ah and Al may have in one scan.
const char* Progression::broken_band_rule(const Scan& scan) const {
  if (!frame_.progressive) {
    const bool all = scan.ss == 0 && scan.se == kLastCoefficient && scan.ah == 0 && scan.al == 0;
    return all ? nullptr : "a sequential scan must have Ss 0, Se 63, Ah 0, Al 0";
  }
  if (scan.ss < 0 || scan.se < scan.ss || scan.se > kLastCoefficient) return "Ss must be in 0..63 and Se in Ss..63";
  if (scan.ss == 0 && scan.se > 0) return "a progressive scan must not send both DC and AC";
  if (scan.ss > 0 && scan.components.size() > 1) return "an AC scan must have one component";
  if (!in_range(scan.al, 0, kMaxPointTransform)) return "Al must be in 0..13";
  if (scan.ah != 0 && scan.ah != scan.al + 1) return "Ah must be 0 or Al + 1";
  return nullptr;
}

// G.1.1.1.1: DC before AC.  G.1.1.1.2: one first scan of a coefficient, then one more bit in each scan.
const char* Progression::broken_order_rule(const Scan& scan) const {
  for (int c : scan.components) {
    if (scan.ss > 0 && !has_dc(c)) return "the DC of a component must be sent before its AC";
    const int expected = scan.ah == 0 ? int{kNotSent} : scan.ah;
    for (int k = scan.ss; k <= scan.se; ++k) {
      if (lowest_sent_[c][k] != expected) return "a coefficient must be sent once, then refined bit by bit";
    }
  }
  return nullptr;
}

void check_script(const std::vector<Scan>& scans, const Frame& frame) {
  require_in(static_cast<long>(scans.size()), 1, kMaxScans, "the number of scans");
  Progression progression(frame);
  for (size_t n = 0; n < scans.size(); ++n) {
    if (scans[n].ss == 0) require_in(scans[n].al, 0, kMaxDcPointTransform, "Al of a DC scan");
    if (const char* rule = progression.add(scans[n])) {
      throw std::invalid_argument("scan " + std::to_string(n) + ": " + rule + ", got " + describe(scans[n]));
    }
  }
  require(progression.is_complete(), "the scans must send every coefficient to its last bit");
}

}  // namespace saliency_jpeg::codec
