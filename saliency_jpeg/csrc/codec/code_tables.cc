#include "codec/code_tables.h"

#include <algorithm>

namespace saliency_jpeg::codec {
namespace {

// A scan's need for one table.
struct Use {
  size_t scan;
  TableClass table_class;
  int slot;
  int group;  // index into Clustering::groups
};

// Uses that share one code.
struct Group {
  TableClass table_class;
  Histogram histogram;
  uint64_t bits;
};

bool is_empty(const Histogram& histogram) {
  return std::all_of(histogram.begin(), histogram.end(), [](uint32_t n) { return n == 0; });
}

Histogram add(const Histogram& a, const Histogram& b) {
  Histogram total;
  std::transform(a.begin(), a.end(), b.begin(), total.begin(), [](uint32_t x, uint32_t y) { return x + y; });
  return total;
}

// Starts with one group for each use.  Merges the pair of groups that saves most bits until no pair saves any.
class Clustering {
 public:
  explicit Clustering(const std::vector<ScanCounts>& counts) {
    for (size_t s = 0; s < counts.size(); ++s) {
      for (int slot = 0; slot < kCodeSlots; ++slot) {
        add_use(s, kDc, slot, counts[s].dc_sink[slot].histogram);
        add_use(s, kAc, slot, counts[s].ac_sink[slot].histogram);
      }
    }
    while (merge_best_pair()) {
    }
  }

  std::vector<Use> uses;
  std::vector<Group> groups;

 private:
  void add_use(size_t scan, TableClass table_class, int slot, const Histogram& histogram) {
    if (is_empty(histogram)) return;
    uses.push_back({scan, table_class, slot, static_cast<int>(groups.size())});
    groups.push_back({table_class, histogram, coded_bits(histogram)});
    savings_.emplace_back();
    for (size_t other = 0; other + 1 < groups.size(); ++other)
      savings_.back().push_back(saving(other, groups.size() - 1));
  }

  int64_t saving(size_t a, size_t b) const {
    if (groups[a].table_class != groups[b].table_class || groups[a].bits == 0 || groups[b].bits == 0) return 0;
    const uint64_t together = coded_bits(add(groups[a].histogram, groups[b].histogram));
    return static_cast<int64_t>(groups[a].bits + groups[b].bits) - static_cast<int64_t>(together);
  }

  bool merge_best_pair() {
    int64_t best = 0;
    size_t keep = 0;
    size_t drop = 0;
    for (size_t b = 0; b < groups.size(); ++b) {
      for (size_t a = 0; a < b; ++a) {
        if (savings_[b][a] > best) {
          best = savings_[b][a];
          keep = a;
          drop = b;
        }
      }
    }
    if (best == 0) return false;
    merge(keep, drop);
    return true;
  }

  // Keeps the dropped group in the list, so that indices stay valid.  Its 0 bits mark it; merging it saves nothing.
  void merge(size_t keep, size_t drop) {
    groups[keep].histogram = add(groups[keep].histogram, groups[drop].histogram);
    groups[keep].bits = coded_bits(groups[keep].histogram);
    groups[drop].bits = 0;
    for (Use& use : uses) {
      if (use.group == static_cast<int>(drop)) use.group = static_cast<int>(keep);
    }
    for (size_t other = 0; other < groups.size(); ++other) {
      for (size_t changed : {keep, drop}) {
        if (other != changed) savings_[std::max(other, changed)][std::min(other, changed)] = saving(other, changed);
      }
    }
  }

  std::vector<std::vector<int64_t>> savings_;  // [b][a] for a < b: bits that merging the two groups saves
};

// The tables that a decoder holds at each destination, scan after scan.
class Destinations {
 public:
  Destinations(const std::vector<Use>& uses, int count) : uses_(uses), count_(count) {
    for (auto& row : held_) row.fill(ScanTables::kUnused);
  }

  // Returns the destination that holds the code of `use`.  If none does, replaces the code that is needed last.
  int place(const Use& use, ScanTables& tables) {
    auto& held = held_[use.table_class];
    for (int d = 0; d < count_; ++d) {
      if (held[d] == use.group) return d;
    }
    int victim = 0;
    for (int d = 1; d < count_; ++d) {
      if (next_use(held[d], use) > next_use(held[victim], use)) victim = d;
    }
    held[victim] = use.group;
    tables.definitions.push_back({use.table_class << 4 | victim, use.group});
    return victim;
  }

 private:
  // Returns the next scan that needs a group, from the scan of `now` on; the largest number if none does.
  size_t next_use(int group, const Use& now) const {
    for (const Use& use : uses_) {
      if (use.group == group && use.table_class == now.table_class && use.scan >= now.scan) return use.scan;
    }
    return static_cast<size_t>(-1);
  }

  const std::vector<Use>& uses_;
  int count_;
  std::array<std::array<int, kHuffmanTableSlots>, kTableClasses> held_;
};

}  // namespace

ScanCounts count_symbols(const Frame& frame, const std::vector<Masks>& masks, const Scan& scan) {
  ScanCounts counts;
  ScanWalk<ScanCounts>(frame, masks, scan, counts).run();
  return counts;
}

uint64_t coded_bits(const Histogram& histogram) {
  const auto symbols = kMaxSymbols - std::count(histogram.begin(), histogram.end(), 0u);
  const uint64_t table_bits = 8 * (1 + kMaxCodeLength + static_cast<uint64_t>(symbols));
  return symbols == 0 ? 0 : optimal_code_bits(histogram) + table_bits;
}

CodeTables assign_tables(const std::vector<ScanCounts>& counts, int destinations) {
  const Clustering clustering(counts);
  CodeTables tables;
  for (const Group& group : clustering.groups) tables.codes.emplace_back(optimal_code_lengths(group.histogram));
  tables.scans.resize(counts.size());
  Destinations places(clustering.uses, destinations);
  for (const Use& use : clustering.uses) {
    ScanTables& scan = tables.scans[use.scan];
    scan.code[use.table_class][use.slot] = use.group;
    scan.destination[use.table_class][use.slot] = places.place(use, scan);
  }
  return tables;
}

}  // namespace saliency_jpeg::codec
