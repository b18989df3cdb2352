#include "codec/scans.h"

#include <numeric>
#include <string>

namespace jpegcore {
namespace {

constexpr int kMaxMcuBlocks = 10;  // T.81 B.2.3

int mcu_blocks(const Scan& scan, const Frame& frame) {
  int blocks = 0;
  for (int c : scan.components) blocks += frame.components[c].h * frame.components[c].v;
  return blocks;
}

// `pattern` for all components together, or for each alone if their MCU would be too large.
std::vector<Scan> for_all(const Frame& frame, const Scan& pattern) {
  Scan together = pattern;
  together.components.resize(frame.components.size());
  std::iota(together.components.begin(), together.components.end(), 0);
  if (mcu_blocks(together, frame) <= kMaxMcuBlocks) return {together};
  std::vector<Scan> scans;
  for (int c : together.components) {
    scans.push_back(pattern);
    scans.back().components = {c};
  }
  return scans;
}

[[noreturn]] void fail(size_t scan, const std::string& what) {
  throw std::invalid_argument("scan " + std::to_string(scan) + ": " + what);
}

void check_parameters(const Scan& s, size_t n, bool progressive) {
  if (s.ss < 0 || s.se < s.ss || s.se > 63) fail(n, "Ss..Se must lie in 0..63");
  if (!progressive) {
    if (s.ss != 0 || s.se != 63 || s.ah != 0 || s.al != 0) fail(n, "a sequential scan sends 0..63 at full precision");
    return;
  }
  if (s.ss == 0 && s.se != 0) fail(n, "DC and AC cannot share a progressive scan");
  if (s.ss > 0 && s.components.size() != 1) fail(n, "an AC scan has one component");
  if (s.al < 0 || s.al > 13 || s.ah < 0 || (s.ah > 0 && s.ah != s.al + 1)) fail(n, "Ah must be 0 or Al + 1");
}

void check_components(const Scan& s, size_t n, const Frame& frame) {
  if (s.components.empty()) fail(n, "no component");
  int before = -1;
  for (int c : s.components) {
    if (c <= before || c >= static_cast<int>(frame.components.size())) fail(n, "components must rise and exist");
    before = c;
  }
  if (s.components.size() > 1 && mcu_blocks(s, frame) > kMaxMcuBlocks) fail(n, "more than 10 blocks in an MCU");
}

}  // namespace

std::vector<Scan> sequential_script(const Frame& frame) { return for_all(frame, {{}, 0, 63, 0, 0}); }

std::vector<Scan> dc_script(const Frame& frame) { return for_all(frame, {{}, 0, 0, 0, 0}); }

void check_script(const std::vector<Scan>& scans, const Frame& frame) {
  // Bits of each coefficient that are still to come; 14: none was sent.
  std::vector<std::array<int, kBlockSize>> missing(frame.components.size());
  for (auto& m : missing) m.fill(14);
  for (size_t n = 0; n < scans.size(); ++n) {
    const Scan& s = scans[n];
    check_parameters(s, n, frame.progressive);
    check_components(s, n, frame);
    for (int c : s.components) {
      if (s.ss > 0 && missing[c][0] == 14) fail(n, "AC before DC");
      for (int k = s.ss; k <= s.se; ++k) {
        if (missing[c][k] != (s.ah == 0 ? 14 : s.ah)) fail(n, "coefficients sent twice or refined too early");
        missing[c][k] = s.al;
      }
    }
  }
  for (const auto& component : missing) {
    for (int bits : component) {
      if (bits != 0) fail(scans.size(), "missing: not every coefficient is sent to its last bit");
    }
  }
}

Masks nonzero_masks(const LevelView& levels) {
  Masks masks(levels.count());
  for (size_t i = 0; i < masks.size(); ++i) masks[i] = nonzero_mask(levels.at(i));
  return masks;
}

std::vector<Masks> nonzero_masks(const Frame& frame) {
  std::vector<Masks> masks;
  for (const Component& c : frame.components) masks.push_back(nonzero_masks(c.levels));
  return masks;
}

}  // namespace jpegcore
