// MS-SSIM: Z. Wang, E. Simoncelli, A. Bovik, "Multi-scale structural similarity for image quality assessment", 2003.
#pragma once

#include "metrics/luma.h"

namespace saliency_jpeg::metrics {

constexpr int kMsSsimScales = 5;
constexpr int kMsSsimWindow = 11;
constexpr int kMsSsimMinSide = kMsSsimWindow << (kMsSsimScales - 1);  // the coarsest scale then has one window

// Returns the MS-SSIM of two luma images of the same size, with the weights of the paper; 1 means identical.  Uses only
// windows that lie inside the image.
double ms_ssim(LumaImage reference, LumaImage distorted);

}  // namespace saliency_jpeg::metrics
