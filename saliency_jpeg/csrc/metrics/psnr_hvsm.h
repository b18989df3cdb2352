// PSNR-HVS-M: squared DCT errors weighted by contrast sensitivity, less the errors that the texture of the block masks.
//
// N. Ponomarenko, F. Silvestri, K. Egiazarian, M. Carli, J. Astola, V. Lukin, "On between-coefficient contrast masking
// of DCT basis functions", VPQM 2007.
#pragma once

#include "metrics/luma.h"

namespace saliency_jpeg::metrics {

constexpr int kHvsmBlockSide = 8;  // smaller images have no block

// Writes the masked squared error of each whole 8x8 block to `errors`: (height / 8) * (width / 8) values in raster
// order. Their mean is the squared error of the PSNR.
void masked_block_errors(const LumaImage& reference, const LumaImage& distorted, double* errors);

}  // namespace saliency_jpeg::metrics
