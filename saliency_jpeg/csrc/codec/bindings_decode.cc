// Bindings of the functions that make samples and pixels of levels.
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "codec/bindings.h"
#include "codec/decode.h"
#include "codec/pixels.h"
#include "codec/upsample.h"

namespace saliency_jpeg::codec {
namespace {

using Samples = py::array_t<float, 0>;  // of any strides
using Factors = std::pair<int, int>;

Array<float> new_samples(const LevelView& levels) { return new_array<float>({levels.rows * 8, levels.cols * 8}); }

void check_blocks(const LevelView& levels) {
  constexpr int kMostBlocks = ceil_div(kMaxDimension, 8);
  require_in(levels.rows, 1, kMostBlocks, "the number of block rows");
  require_in(levels.cols, 1, kMostBlocks, "the number of block columns");
}

Bounds bounds_of(const Array<float>& array) {
  const float* widths = vector_of(array, 4, "bounds");
  for (int i = 0; i < 4; ++i) {
    if (!(widths[i] >= 0)) {
      throw std::invalid_argument("a bound must be 0 or more, got " + std::to_string(widths[i]));
    }
  }
  return {widths[0], widths[1], widths[2], widths[3]};
}

// Returns a view of a component of an image of `size` (height, width).
SampledPlane plane_of(const Samples& samples, const Factors& factors, const Factors& size) {
  const auto [h, v] = factors;
  require_in(h, 1, kMaxSamplingFactor, "h");
  require_in(v, 1, kMaxSamplingFactor, "v");
  require_in(size.first, 1, kMaxDimension, "the height");
  require_in(size.second, 1, kMaxDimension, "the width");
  const int height = ceil_div(size.first, v), width = ceil_div(size.second, h);
  require_shape(samples, {height, width}, "a plane");
  require(width == 1 || samples.strides(1) == sizeof(float), "the samples of a row must be adjacent");
  require(samples.strides(0) >= 0 && samples.strides(0) % sizeof(float) == 0, "the rows must follow one another");
  return {{samples.data(), height, width, static_cast<size_t>(samples.strides(0)) / sizeof(float)}, h, v};
}

Array<float> py_inverse_dct(const Array<int16_t>& levels, const Array<uint16_t>& table, bool clip) {
  const LevelView view = block_view(levels, "levels");
  check_blocks(view);
  const uint16_t* steps = table_of(table);
  Array<float> out = new_samples(view);
  float* samples = out.mutable_data();
  without_gil([&] {
    decode_blocks(view, steps, kLevelShift, samples);
    if (clip) clip_samples(samples, view.count() * kBlockSize);
  });
  return out;
}

Array<float> py_correct_samples(const Array<int16_t>& levels, const Array<uint16_t>& table,
                                const Array<float>& correction, const std::optional<Array<float>>& bounds) {
  const LevelView view = block_view(levels, "levels");
  check_blocks(view);
  const uint16_t* steps = table_of(table);
  require_shape(correction, {view.rows * 8, view.cols * 8}, "correction");
  std::optional<Bounds> widths;
  if (bounds) widths = bounds_of(*bounds);
  Array<float> out = new_samples(view);
  float* samples = out.mutable_data();
  const float* change = correction.data();
  without_gil([&] {
    if (widths) {
      correct_samples(view, steps, change, *widths, samples);
    } else {
      decode_blocks(view, steps, kLevelShift, samples);
      for (size_t i = 0; i < view.count() * kBlockSize; ++i) samples[i] += change[i];
    }
  });
  return out;
}

Array<float> py_upsample(const Samples& plane, int h, int v, const Factors& size) {
  const SampledPlane view = plane_of(plane, {h, v}, size);
  const auto [height, width] = size;
  Array<float> out = new_array<float>({height, width});
  float* samples = out.mutable_data();
  without_gil([&, height = height, width = width] {
    Upsampler upsampler(view.plane, h, v, is_interpolated(view.plane.width, h, v));
    for (int y = 0; y < height; ++y) std::copy_n(upsampler.row(y), width, samples + static_cast<size_t>(y) * width);
  });
  return out;
}

template <class T>
bool write_pixels(const std::vector<SampledPlane>& planes, bool is_ycc, py::array& out) {
  if (!py::isinstance<Array<T>>(out)) return false;
  T* pixels = static_cast<T*>(out.mutable_data());
  const int height = static_cast<int>(out.shape(0)), width = static_cast<int>(out.shape(1));
  without_gil([&] { to_pixels(planes, is_ycc, height, width, pixels); });
  return true;
}

void py_to_pixels(const std::vector<Samples>& planes, const std::vector<Factors>& factors, bool ycc, py::array& out) {
  const py::ssize_t channels = static_cast<py::ssize_t>(planes.size());
  require(channels == 1 || channels == 3, "there must be 1 plane or 3 planes");
  require(!ycc || channels == 3, "YCbCr has 3 planes");
  require_equal(static_cast<long>(factors.size()), static_cast<long>(channels), "the number of sampling factors");
  require_shape(out, channels == 1 ? ShapeVector{kAnyLength, kAnyLength} : ShapeVector{kAnyLength, kAnyLength, 3},
                "out");
  const Factors size{static_cast<int>(out.shape(0)), static_cast<int>(out.shape(1))};
  std::vector<SampledPlane> views;
  for (size_t c = 0; c < planes.size(); ++c) views.push_back(plane_of(planes[c], factors[c], size));
  if (write_pixels<uint8_t>(views, ycc, out) || write_pixels<uint16_t>(views, ycc, out) ||
      write_pixels<float>(views, ycc, out)) {
    return;
  }
  throw py::type_error("out must be a C-contiguous array of uint8, uint16 or float32");
}

}  // namespace

void bind_decode(py::module_& m) {
  m.def("inverse_dct", &py_inverse_dct, py::arg("levels").noconvert(), py::arg("table").noconvert(),
        py::arg("clip") = false);
  m.def("correct_samples", &py_correct_samples, py::arg("levels").noconvert(), py::arg("table").noconvert(),
        py::arg("correction").noconvert(), py::arg("bounds").noconvert() = py::none());
  m.def("upsample", &py_upsample, py::arg("plane").noconvert(), py::arg("h"), py::arg("v"), py::arg("size"));
  m.def("to_pixels", &py_to_pixels, py::arg("planes").noconvert(), py::arg("factors"), py::arg("ycc"),
        py::arg("out").noconvert());
}

}  // namespace saliency_jpeg::codec
