// Coefficients to levels: plain rounding, or a trellis that weighs distortion against bits block by block.
#pragma once

#include <cstdint>
#include <vector>

#include "codec/types.h"

namespace jpegcore {

// What a band costs when a scan of its own sends it.
struct PricedBand {
  Band band;
  const float* prices = nullptr;  // (257,) bits of each run/size symbol with its raw bits (T.81 F.1.2.2);
                                  // [256]: an end of band that is the block's only symbol in it
};

// What a quantizer of one component works with.
struct QuantizeRule {
  const uint16_t* table = nullptr;     // (64,) natural order
  std::vector<PricedBand> bands;       // one after the other, all of 1..63
  const float* sensitivity = nullptr;  // (64,) natural order: cost of one squared quantization step of error
};

// levels = round half away from zero (coefficients / table), block by block.  Takes prices and lambdas for nothing but
// to have the trellis's signature.
void quantize_plain(const CoefficientView& coefficients, const QuantizeRule& rule, const float* block_lambda,
                    const BlockView<int16_t>& levels);

// Minimises, in every block b on its own, sum_k sensitivity_k (x_k / q_k - level_k)^2 + lambda_b * bits over all AC
// levels between 0 and the rounded one: the run and size of every symbol and the end of each band are priced.  DC is
// rounded.  Prices that fall as the run grows are raised to the price of the shorter run.
void quantize_trellis(const CoefficientView& coefficients, const QuantizeRule& rule, const float* block_lambda,
                      const BlockView<int16_t>& levels);

}  // namespace jpegcore
