// The weights of JFIF's YCbCr: ITU-R BT.601, full range.
//
//   Y = 0.299 R + 0.587 G + 0.114 B      Cb = (B - Y) / 1.772      Cr = (R - Y) / 1.402
#pragma once

namespace saliency_jpeg {

constexpr double kRedWeight = 0.299;
constexpr double kGreenWeight = 0.587;
constexpr double kBlueWeight = 0.114;
constexpr double kCbRange = 2 * (1 - kBlueWeight);  // 1.772
constexpr double kCrRange = 2 * (1 - kRedWeight);   // 1.402

// What a step of chroma adds to red and blue and takes from green, in decoding.
constexpr float kRedFromCr = kCrRange;
constexpr float kBlueFromCb = kCbRange;
constexpr float kGreenFromCb = kBlueWeight * kCbRange / kGreenWeight;
constexpr float kGreenFromCr = kRedWeight * kCrRange / kGreenWeight;

}  // namespace saliency_jpeg
