// PSNR-HVS-M: squared DCT errors weighted by contrast sensitivity, less what the block's own texture masks.
//
// N. Ponomarenko, F. Silvestri, K. Egiazarian, M. Carli, J. Astola, V. Lukin, "On between-coefficient contrast masking
// of DCT basis functions", VPQM 2007.
#ifndef SALIENCY_JPEG_METRICS_PSNR_HVSM_H_
#define SALIENCY_JPEG_METRICS_PSNR_HVSM_H_

#include "metrics/luma.h"

namespace saliency_jpeg::metrics {

// Masked squared error of each whole 8x8 block, (height / 8) * (width / 8) values; the PSNR's error is their mean.
void masked_block_errors(const LumaImage& reference, const LumaImage& distorted, double* errors);

}  // namespace saliency_jpeg::metrics

#endif  // SALIENCY_JPEG_METRICS_PSNR_HVSM_H_
