// The color space of SSIMULACRA2: cube roots of three mixtures of red, green and blue.
//
//   X = 7 (L - M) + 0.42      Y = (L + M) / 2 + 0.01      B = S - (L + M) / 2 + 0.55
#pragma once

namespace saliency_jpeg::metrics {

constexpr float kAbsorbance[3][3] = {
    {0.30f, 1.0f - 0.078f - 0.30f, 0.078f},
    {0.23f, 1.0f - 0.078f - 0.23f, 0.078f},
    {0.24342268924547819f, 0.20476744424496821f, 1.0f - 0.24342268924547819f - 0.20476744424496821f}};
constexpr float kBias = 0.0037930732552754493f;
constexpr float kCubeRootOfBias = 0.15595420054924863f;
constexpr float kShiftX = 0.42f, kShiftY = 0.01f, kShiftB = 0.55f;
constexpr float kSsimC2 = 0.0009f;  // of the structure term

}  // namespace saliency_jpeg::metrics
