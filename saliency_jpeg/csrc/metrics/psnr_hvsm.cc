#include "metrics/psnr_hvsm.h"

#include <algorithm>
#include <cmath>

namespace saliency_jpeg::metrics {
namespace {

constexpr int kSize = kHvsmBlockSide;
constexpr int kBlock = kSize * kSize;

// Contrast sensitivity: the weight of an error of each coefficient, from the program that the authors published.
constexpr double kSensitivity[kBlock] = {
    1.608443, 2.339554, 2.573509, 1.608443, 1.072295, 0.643377, 0.504610, 0.421887,  //
    2.144591, 2.144591, 1.838221, 1.354478, 0.989811, 0.443708, 0.428918, 0.467911,  //
    1.838221, 1.979622, 1.608443, 1.072295, 0.643377, 0.451493, 0.372972, 0.459555,  //
    1.838221, 1.513829, 1.169777, 0.887417, 0.504610, 0.295806, 0.321689, 0.415082,  //
    1.429727, 1.169777, 0.695543, 0.459555, 0.378457, 0.236102, 0.249855, 0.334222,  //
    1.072295, 0.735288, 0.467911, 0.402111, 0.317717, 0.247453, 0.227744, 0.279729,  //
    0.525206, 0.402111, 0.329937, 0.295806, 0.249855, 0.212687, 0.214459, 0.254803,  //
    0.357432, 0.279729, 0.270896, 0.262603, 0.229778, 0.257351, 0.249855, 0.259950};

// The weight of each coefficient in the masking energy: (10 / step)^2 with the luminance table of T.81 Annex K.1.
constexpr double kMasking[kBlock] = {0.390625, 0.826446, 1.000000, 0.390625, 0.173611, 0.062500, 0.038447, 0.026874,  //
                                     0.694444, 0.694444, 0.510204, 0.277008, 0.147929, 0.029727, 0.027778, 0.033058,  //
                                     0.510204, 0.591716, 0.390625, 0.173611, 0.062500, 0.030779, 0.021004, 0.031888,  //
                                     0.510204, 0.346021, 0.206612, 0.118906, 0.038447, 0.013212, 0.015625, 0.026015,  //
                                     0.308642, 0.206612, 0.073046, 0.031888, 0.021626, 0.008417, 0.009426, 0.016866,  //
                                     0.173611, 0.081633, 0.033058, 0.024414, 0.015242, 0.009246, 0.007831, 0.011815,  //
                                     0.041649, 0.024414, 0.016437, 0.013212, 0.009426, 0.006830, 0.006944, 0.009803,  //
                                     0.019290, 0.011815, 0.011080, 0.010412, 0.007972, 0.010000, 0.009426, 0.010203};

// The orthonormal basis functions of the 8-point DCT: value[frequency][position].
struct Basis {
  double value[kSize][kSize];

  Basis() {
    const double pi = std::acos(-1.0);
    for (int u = 0; u < kSize; ++u) {
      for (int x = 0; x < kSize; ++x) {
        value[u][x] = std::cos((2 * x + 1) * u * pi / (2 * kSize)) * (u == 0 ? std::sqrt(0.125) : 0.5);
      }
    }
  }
};

struct Block {
  double pixels[kBlock];
  double coefficients[kBlock];
  double mask;  // the error that the texture masks; divided by kMasking for each coefficient
};

void transform(const Basis& basis, Block& block) {
  double columns[kBlock] = {};  // [u][x]: transformed along y
  for (int u = 0; u < kSize; ++u) {
    for (int y = 0; y < kSize; ++y) {
      for (int x = 0; x < kSize; ++x) columns[u * kSize + x] += basis.value[u][y] * block.pixels[y * kSize + x];
    }
  }
  std::fill(block.coefficients, block.coefficients + kBlock, 0.0);
  for (int u = 0; u < kSize; ++u) {
    for (int x = 0; x < kSize; ++x) {
      for (int v = 0; v < kSize; ++v) {
        block.coefficients[u * kSize + v] += columns[u * kSize + x] * basis.value[v][x];
      }
    }
  }
}

// Returns the number of pixels of a square part of the block times their unbiased variance.
double spread(const double* pixels, int side) {
  double mean = 0.0, squares = 0.0;
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) mean += pixels[y * kSize + x];
  }
  const double size = side * side;
  mean /= size;
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      const double difference = pixels[y * kSize + x] - mean;
      squares += difference * difference;
    }
  }
  return squares / (size - 1.0) * size;
}

// Returns the masking of a block.  Texture masks errors, an edge does not: the masking energy is scaled by the variance
// of the four quarters relative to that of the block, which is small if the block has one edge.
double masking(const Block& block) {
  double energy = 0.0;
  for (int i = 1; i < kBlock; ++i) energy += block.coefficients[i] * block.coefficients[i] * kMasking[i];
  const double whole = spread(block.pixels, kSize);
  if (whole == 0.0) return 0.0;
  double quarters = 0.0;
  for (const int corner : {0, 4, 4 * kSize, 4 * kSize + 4}) quarters += spread(block.pixels + corner, kSize / 2);
  return std::sqrt(energy * (quarters / whole) / (16.0 * kBlock));
}

void load_block(const LumaImage& image, int row, int col, const Basis& basis, Block& block) {
  for (int y = 0; y < kSize; ++y) {
    std::copy_n(image.row(row * kSize + y) + col * kSize, kSize, block.pixels + y * kSize);
  }
  transform(basis, block);
  block.mask = masking(block);
}

double masked_error(const Block& a, const Block& b, const double* inverse_masking) {
  const double mask = std::max(a.mask, b.mask);
  double sum = 0.0;
  for (int i = 0; i < kBlock; ++i) {
    const double hidden = i == 0 ? 0.0 : mask * inverse_masking[i];
    const double visible = std::max(std::abs(a.coefficients[i] - b.coefficients[i]) - hidden, 0.0) * kSensitivity[i];
    sum += visible * visible;
  }
  return sum / kBlock;
}

}  // namespace

void masked_block_errors(const LumaImage& reference, const LumaImage& distorted, double* errors) {
  const Basis basis;
  double inverse_masking[kBlock];
  for (int i = 0; i < kBlock; ++i) inverse_masking[i] = 1.0 / kMasking[i];
  Block a, b;
  for (int row = 0; row < reference.height / kSize; ++row) {
    for (int col = 0; col < reference.width / kSize; ++col) {
      load_block(reference, row, col, basis, a);
      load_block(distorted, row, col, basis, b);
      *errors++ = masked_error(a, b, inverse_masking);
    }
  }
}

}  // namespace saliency_jpeg::metrics
