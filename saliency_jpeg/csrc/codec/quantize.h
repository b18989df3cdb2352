// Quantizes coefficients: plain rounding, or a trellis that minimises distortion + lambda * bits in each block.
#pragma once

#include <cstdint>
#include <vector>

#include "codec/luma_rows.h"
#include "codec/types.h"

namespace saliency_jpeg::codec {

// A band with the costs of the symbols of its scan.
struct BandCosts {
  Band band;
  // (257,) bits of each run/size symbol, raw bits included (T.81 F.1.2.2).  [kEmptyBand] is the cost of an end of band
  // that is the only symbol of its block in the band.
  const float* symbol_costs = nullptr;
};

// The parameters of a quantizer, for one component.
struct QuantizeParameters {
  const uint16_t* table = nullptr;     // (64,) steps, natural order
  std::vector<BandCosts> bands;        // one after the other from 1 to 63
  const float* sensitivity = nullptr;  // (64,) cost of one squared quantization step of error, natural order
};

// Rounds coefficients / table half away from zero.
void quantize_plain(const CoefficientView& coefficients, const uint16_t* table, int threads,
                    const BlockView<int16_t>& levels);

// In every block b, minimises
//
//   sum over k of sensitivity[k] * (coefficients[k] / table[k] - levels[k])^2   +   block_lambda[b] * bits
//
// where each AC level lies between 0 and the rounded one, and the bits are those of the run/size symbols and of the end
// of each band.  Rounds DC.  Blocks with a lambda of 0 or less are rounded.
//
// The search needs costs that do not fall when a run of zeros grows; a cost that falls is raised to the cost of the
// shorter run.
void quantize_trellis(const CoefficientView& coefficients, const QuantizeParameters& parameters,
                      const float* block_lambda, int threads, const BlockView<int16_t>& levels);

// Does the same with the luma of an image, whose coefficients are computed a row of blocks at a time and not kept. With
// `overshoots`, blocks with white or black samples are changed first, see overshoot.h.  Unless null, `offsets`, 64 for
// each block, are added to the coefficients then.  Sets dc[b] to the DC coefficient of block b.
void quantize_luma(const LumaSource& source, const QuantizeParameters& parameters, const float* block_lambda,
                   bool overshoots, const float* offsets, int threads, const BlockView<int16_t>& levels, float* dc);

}  // namespace saliency_jpeg::codec
