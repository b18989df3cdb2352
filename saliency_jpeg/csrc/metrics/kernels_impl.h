// The kernels, as templates over a type of lanes (lanes.h).  The including file defines SJ_KERNEL, the attribute of the
// instruction set.  Do not use lambdas or standard algorithms here: they would not get that attribute.
#pragma once

#include "metrics/kernels.h"
#include "metrics/lanes.h"
#include "metrics/xyb.h"

#ifndef SJ_KERNEL
#error "define SJ_KERNEL before including kernels_impl.h"
#endif

namespace saliency_jpeg::metrics {

// ---- color ---------------------------------------------------------------------------------------------------------

constexpr float kThird = 1.0f / 3.0f;

// Returns cbrt(x + kBias) - cbrt(kBias) for the mixture x >= 0 of red, green and blue by the weights of `row`. Newton's
// iteration on x^(-1/3) needs no division.  It stops before it has converged, as in the reference program.  The scores
// depend on that, so do not add iterations.
template <class V>
SJ_KERNEL V absorbed(const V r, const V g, const V b, const float* row) {
  const V x = fma(V::set(row[0]), r, fma(V::set(row[1]), g, fma(V::set(row[2]), b, V::set(kBias))));
  const V third = V::set(kThird), x_third = third * x;
  V root = guess_inverse_cube_root(x);
  for (int i = 0; i < 3; ++i) {
    const V square = root * root;
    root = fnma(x_third, square * square, V::set(4.0f / 3.0f) * root);
  }
  const V square = root * root;
  root = fma(third, fnma(x, square * square, root), root);
  return fms(root * root, x, V::set(kCubeRootOfBias));
}

template <class V>
SJ_KERNEL void xyb_row(const float* const linear[3], int strips, float* const xyb[3], size_t step) {
  for (int at = 0; at < strips * kStripWidth; at += kLanes) {
    const V r = V::load(linear[0] + at), g = V::load(linear[1] + at), b = V::load(linear[2] + at);
    const V l = absorbed(r, g, b, kAbsorbance[0]);
    const V m = absorbed(r, g, b, kAbsorbance[1]);
    const V s = absorbed(r, g, b, kAbsorbance[2]);
    const V half = V::set(0.5f), y = half * (l + m);
    const size_t to = static_cast<size_t>(at / kStripWidth) * step + at % kStripWidth;
    ((half * (l - m)) * V::set(14.0f) + V::set(kShiftX)).store(xyb[0] + to);
    (y + V::set(kShiftY)).store(xyb[1] + to);
    ((s - y) + V::set(kShiftB)).store(xyb[2] + to);
  }
}

// ---- Gaussian along the rows ---------------------------------------------------------------------------------------
//
// Eight rows at a time, one in each lane, are transposed into `line`: 2 * radius zeros, the columns of the image,
// radius zeros.  Output n replaces input n - radius - 1, the oldest input that it needs.

template <class V>
SJ_KERNEL void gather_rows(const float* a, const float* b, const Shape& shape, float* line) {
  for (int x = 0; x < shape.padded_width(); x += kLanes) {
    const size_t from = shape.strip_size() * (x / kStripWidth) + x % kStripWidth;
    V tile[kLanes];
    for (int i = 0; i < kLanes; ++i) {
      tile[i] = V::load(a + from + i * kStripWidth);
      if (b) tile[i] = tile[i] * V::load(b + from + i * kStripWidth);
    }
    transpose(tile);
    for (int i = 0; i < kLanes; ++i) tile[i].store(line + static_cast<size_t>(x + i) * kLanes);
  }
}

template <class V>
SJ_KERNEL void scatter_rows(const float* line, const Shape& shape, float* out) {
  for (int x = 0; x < shape.padded_width(); x += kLanes) {
    const size_t to = shape.strip_size() * (x / kStripWidth) + x % kStripWidth;
    V tile[kLanes];
    for (int i = 0; i < kLanes; ++i) tile[i] = V::load(line + static_cast<size_t>(x + i) * kLanes);
    transpose(tile);
    for (int i = 0; i < kLanes; ++i) tile[i].store(out + to + i * kStripWidth);
  }
}

template <class V>
struct RowState {
  V last[kCosines], second[kCosines];
};

// Computes one output.  `in` points to input n - radius - 1.
template <class V>
SJ_KERNEL void step_row(const RecursiveGaussian& filter, float* in, RowState<V>& state) {
  const V sum = V::load(in) + V::load(in + 2 * filter.radius * kLanes);
  for (int k = 0; k < kCosines; ++k) {
    const V partial = fma(V::set(filter.row_second[k][0]), state.second[k], sum * V::set(filter.row_gain[k][0]));
    state.second[k] = state.last[k];
    state.last[k] = fma(V::set(filter.row_last[k][0]), state.last[k], partial);
  }
  (state.last[0] + (state.last[1] + state.last[2])).store(in);
}

// Computes kUnroll outputs.  Each depends only on the state before the first one.
template <class V>
SJ_KERNEL void step_row_unrolled(const RecursiveGaussian& filter, float* in, RowState<V>& state) {
  V sum[kUnroll], total[kUnroll];
  for (int i = 0; i < kUnroll; ++i) {
    sum[i] = V::load(in + i * kLanes) + V::load(in + (i + 2 * filter.radius) * kLanes);
  }
  for (int k = kCosines - 1; k >= 0; --k) {
    V y[kUnroll];
    for (int j = 0; j < kUnroll; ++j) {
      y[j] = sum[0] * V::set(filter.row_gain[k][j]);
      for (int i = 1; i <= j; ++i) y[j] = fma(V::set(filter.row_gain[k][j - i]), sum[i], y[j]);
      y[j] = fma(V::set(filter.row_second[k][j]), state.second[k], y[j]);
      y[j] = fma(V::set(filter.row_last[k][j]), state.last[k], y[j]);
      total[j] = k == kCosines - 1 ? y[j] : y[j] + total[j];
    }
    state.second[k] = y[kUnroll - 2];
    state.last[k] = y[kUnroll - 1];
  }
  for (int j = 0; j < kUnroll; ++j) total[j].store(in + j * kLanes);
}

template <class V>
SJ_KERNEL void blur_line(const RecursiveGaussian& filter, int width, float* line) {
  const int radius = filter.radius, first = (radius + 1 + kUnroll - 1) / kUnroll * kUnroll;
  RowState<V> state;
  for (int k = 0; k < kCosines; ++k) state.last[k] = state.second[k] = V::set(0.0f);
  int n = 1 - radius;
  float* in = line;
  for (; n < (first < width ? first : width); ++n, in += kLanes) step_row(filter, in, state);
  for (; n < width - radius + 1 - (kUnroll - 1); n += kUnroll, in += kUnroll * kLanes) {
    step_row_unrolled(filter, in, state);
  }
  for (; n < width; ++n, in += kLanes) step_row(filter, in, state);
}

template <class V>
SJ_KERNEL void blur_rows(const RecursiveGaussian& filter, const StripPlane& a, const StripPlane* b, int begin, int end,
                         StripPlane& out, float* line) {
  const Shape& shape = a.shape;
  const int lead = 2 * filter.radius, cols = lead + shape.padded_width();
  float* first_output = line + (filter.radius - 1) * kLanes;
  for (int i = cols * kLanes; i < (cols + filter.radius) * kLanes; ++i) line[i] = 0.0f;
  for (int y = begin; y < end; y += kLanes) {
    const size_t row = static_cast<size_t>(y) * kStripWidth;
    for (int i = 0; i < lead * kLanes; ++i) line[i] = 0.0f;
    gather_rows<V>(a.values.data() + row, b ? b->values.data() + row : nullptr, shape, line + lead * kLanes);
    blur_line<V>(filter, shape.width, line);
    scatter_rows<V>(first_output, shape, out.values.data() + row);
  }
}

// ---- Gaussian down the columns -------------------------------------------------------------------------------------

template <class V>
struct ColumnState {
  V last[kCosines][2], second[kCosines][2];  // a strip is two lanes wide
};

template <class V>
SJ_KERNEL void step_column(const RecursiveGaussian& filter, const float* top, const float* bottom,
                           ColumnState<V>& state) {
  for (int h = 0; h < 2; ++h) {
    const V sum = V::load(top + h * kLanes) + V::load(bottom + h * kLanes);
    for (int k = 0; k < kCosines; ++k) {
      const V back = fms(V::set(filter.feedback[k]), state.last[k][h], state.second[k][h]);
      state.second[k][h] = state.last[k][h];
      state.last[k][h] = fma(V::set(filter.gain[k]), sum, back);
    }
  }
}

template <class V>
SJ_KERNEL void blur_columns(const RecursiveGaussian& filter, const float* in, int height, float* out) {
  const float zeros[kStripWidth] = {};
  ColumnState<V> state;
  for (int k = 0; k < kCosines; ++k) {
    for (int h = 0; h < 2; ++h) state.last[k][h] = state.second[k][h] = V::set(0.0f);
  }
  for (int n = 1 - filter.radius; n < height; ++n) {
    const int top = n - filter.radius - 1, bottom = n + filter.radius - 1;
    step_column(filter, top >= 0 ? in + top * kStripWidth : zeros, bottom < height ? in + bottom * kStripWidth : zeros,
                state);
    if (n < 0) continue;
    for (int h = 0; h < 2; ++h) {
      (state.last[0][h] + (state.last[1][h] + state.last[2][h])).store(out + n * kStripWidth + h * kLanes);
    }
  }
}

// ---- error maps ----------------------------------------------------------------------------------------------------

template <class V>
SJ_KERNEL void add_norms(const V error, V* sums) {
  const V square = error * error;
  sums[0] = sums[0] + error;
  sums[1] = fma(square, square, sums[1]);
}

// Returns 1 - SSIM, with the luminance term 1 - (difference of means)^2.
template <class V>
SJ_KERNEL V structure_error(const V mean1, const V mean2, const V square1, const V square2, const V product) {
  const V c2 = V::set(kSsimC2), one = V::set(1.0f);
  const V difference = mean1 - mean2;
  const V luminance = one - difference * difference;
  const V covariance = V::set(2.0f) * (product - mean1 * mean2) + c2;
  const V variances = ((square1 - mean1 * mean1) + (square2 - mean2 * mean2)) + c2;
  return positive_part(one - luminance * covariance / variances);
}

template <class V>
SJ_KERNEL void add_pixel_errors(const StripPair& pair, size_t at, V (*sums)[kNorms]) {
  const V mean1 = V::load(pair.reference_mean + at), mean2 = V::load(pair.distorted_mean + at);
  add_norms(structure_error(mean1, mean2, V::load(pair.reference_square + at), V::load(pair.distorted_square + at),
                            V::load(pair.product + at)),
            sums[0]);
  const V edge1 = absolute(V::load(pair.reference + at) - mean1);
  const V edge2 = absolute(V::load(pair.distorted + at) - mean2);
  const V change = (edge2 - edge1) / (V::set(1.0f) + edge1);
  add_norms(positive_part(change), sums[1]);
  add_norms(positive_part(V::set(0.0f) - change), sums[2]);
}

// Adds up at most 32 rows in single precision, then continues in double precision.
template <class V>
SJ_KERNEL void add_errors(const StripPair& pair, int height, StripSums& sums) {
  constexpr int kRows = 32;
  for (int h = 0; h < kStripWidth; h += kLanes) {
    for (int y = 0; y < height; y += kRows) {
      const int end = y + kRows < height ? y + kRows : height;
      V part[kMaps][kNorms];
      for (int i = 0; i < kMaps * kNorms; ++i) part[i / kNorms][i % kNorms] = V::set(0.0f);
      for (int row = y; row < end; ++row) add_pixel_errors(pair, static_cast<size_t>(row) * kStripWidth + h, part);
      for (int i = 0; i < kMaps * kNorms; ++i) {
        float values[kLanes];
        part[i / kNorms][i % kNorms].store(values);
        for (int x = 0; x < kLanes; ++x) sums.sum[i / kNorms][i % kNorms][h + x] += values[x];
      }
    }
  }
}

template <class V>
constexpr Kernels make_kernels(const char* name) {
  return Kernels{name, xyb_row<V>, blur_rows<V>, blur_columns<V>, add_errors<V>};
}

}  // namespace saliency_jpeg::metrics
