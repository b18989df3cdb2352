// MS-SSIM: Z. Wang, E. Simoncelli, A. Bovik, "Multi-scale structural similarity for image quality assessment", 2003.
#ifndef SALIENCY_JPEG_METRICS_MS_SSIM_H_
#define SALIENCY_JPEG_METRICS_MS_SSIM_H_

#include "metrics/luma.h"

namespace saliency_jpeg::metrics {

constexpr int kMsSsimScales = 5;
constexpr int kMsSsimWindow = 11;
constexpr int kMsSsimMinSide = kMsSsimWindow << (kMsSsimScales - 1);  // the coarsest scale still holds one window

// On luma from 0 to 255, with the paper's weights and windows that lie inside the image only; 1 is identical.
double ms_ssim(LumaImage reference, LumaImage distorted);

}  // namespace saliency_jpeg::metrics

#endif  // SALIENCY_JPEG_METRICS_MS_SSIM_H_
