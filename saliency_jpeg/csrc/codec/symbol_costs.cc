#include "codec/symbol_costs.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "codec/code_tables.h"
#include "codec/huffman.h"
#include "codec/symbols.h"
#include "common/parallel.h"

namespace saliency_jpeg::codec {
namespace {

constexpr int kEobRuns = 15;  // EOB0 to EOB14, T.81 G.1.2.2

int raw_bits(int symbol) { return symbol % 16; }

Histogram symbols_of(const AcHistogram& counts) {
  Histogram histogram;
  std::copy_n(counts.begin(), histogram.size(), histogram.begin());
  return histogram;
}

// Counts the categories of DC differences in raster order (T.81 F.1.2.1), with their raw bits.
void add_dc(const LevelView& levels, CountSink& sink) {
  int prediction = 0;
  for (size_t i = 0; i < levels.count(); ++i) walk_dc_first(levels.at(i), 0, prediction, sink);
}

// The bits of each category with its raw bits, from the entropy of the counts, each taken one higher.
DcCosts dc_costs(const Histogram& histogram) {
  double total = kDcEntries;
  for (int i = 0; i < kDcEntries; ++i) total += histogram[i];
  DcCosts costs;
  for (int i = 0; i < kDcEntries; ++i) costs[i] = static_cast<float>(i - std::log2((histogram[i] + 1) / total));
  return costs;
}

// What is counted of components that share codes.
struct Counts {
  BandStatistics ac;
  CountSink dc;
};

double eob_raw_bits(const AcHistogram& histogram) {
  double bits = 0;
  for (int s = 0; s < kMaxSymbols; ++s) {
    const bool is_run = s % 16 == 0 && s / 16 < kEobRuns;
    bits += static_cast<double>(histogram[s]) * (is_run ? s / 16 : raw_bits(s));
  }
  return bits;
}

Counts count_scans_of(const LevelView& levels, const Division* bands, size_t choice_step) {
  Counts counts;
  counts.ac = bands == nullptr ? best_bands(levels, choice_step) : band_statistics(levels, *bands);
  add_dc(levels, counts.dc);
  return counts;
}

// Levels of components that share codes, in one scan without end-of-band runs.
Counts count_sequential(const LevelView* first, const LevelView* last) {
  Counts counts;
  AcHistogram total{};
  for (const LevelView* levels = first; levels != last; ++levels) {
    const AcHistogram own = ac_histogram(*levels, false);
    std::transform(own.begin(), own.end(), total.begin(), total.begin(), [](uint32_t a, uint32_t b) { return a + b; });
    add_dc(*levels, counts.dc);
  }
  counts.ac = {{Band{}}, {total}};
  return counts;
}

std::vector<Counts> count_all(const std::vector<LevelView>& components, const LearnParameters& parameters,
                              int threads) {
  std::vector<Counts> counts;
  if (!parameters.progressive) {
    const LevelView* first = components.data();
    const LevelView* const last = first + components.size();
    counts.push_back(count_sequential(first, first + 1));
    if (components.size() > 1) counts.push_back(count_sequential(first + 1, last));
    return counts;
  }
  counts.resize(components.size());
  parallel_for(static_cast<int>(components.size()), 1, threads, [&](int c, int) {
    const Division* bands = parameters.bands == nullptr ? nullptr : &(*parameters.bands)[c];
    counts[c] = count_scans_of(components[c], bands, parameters.choice_step);
  });
  return counts;
}

// Adds the bits of the counted symbols, and those of their code in a DHT segment.
void add_bits(const Histogram& histogram, double raw, LearnedCosts& costs) {
  const uint64_t symbols = optimal_code_bits(histogram);
  costs.total_bits += static_cast<double>(symbols) + raw;
  costs.header_bits += static_cast<double>(coded_bits(histogram) - symbols);
}

}  // namespace

AcCosts ac_costs(const AcHistogram& histogram, float unseen_bits) {
  const CodeLengths lengths = optimal_code_lengths(symbols_of(histogram));
  const float unseen = std::min(*std::max_element(lengths.begin(), lengths.end()) + unseen_bits, 16.0f);
  AcCosts costs;
  for (int s = 0; s < kMaxSymbols; ++s) {
    costs[s] = (lengths[s] > 0 ? static_cast<float>(lengths[s]) : unseen) + static_cast<float>(raw_bits(s));
  }
  double runs = 0, bits = 0, long_runs = 0;
  for (int i = 0; i < kEobRuns; ++i) {
    const double count = histogram[i << 4];
    runs += count;
    bits += count * (lengths[i << 4] + i);
    long_runs += i > 0 ? count : 0;
  }
  costs[kEmptyBand] = costs[kEob];
  if (long_runs > 0) {
    costs[kEob] = static_cast<float>(bits / runs);
    costs[kEmptyBand] = std::min(costs[kEob], static_cast<float>(1 / std::log(2.0)));
  }
  return costs;
}

LearnedCosts learn_costs(const std::vector<LevelView>& components, const LearnParameters& parameters, int threads) {
  LearnedCosts costs;
  for (const Counts& counts : count_all(components, parameters, threads)) {
    ComponentCosts own{counts.ac.bands, {}, dc_costs(counts.dc.histogram)};
    for (const AcHistogram& histogram : counts.ac.histograms) {
      own.ac.push_back(ac_costs(histogram, parameters.unseen_bits));
      add_bits(symbols_of(histogram), eob_raw_bits(histogram), costs);
      if (parameters.progressive) costs.header_bits += static_cast<double>(scan_header_bits(1));
    }
    add_bits(counts.dc.histogram, static_cast<double>(counts.dc.raw_bits), costs);
    costs.components.push_back(std::move(own));
  }
  return costs;
}

}  // namespace saliency_jpeg::codec
