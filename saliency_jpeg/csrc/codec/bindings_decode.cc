// Bindings of the functions that read levels, code what layers hold, and make samples and pixels.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/bindings.h"
#include "codec/decode.h"
#include "codec/detail.h"
#include "codec/jpeg_reader.h"
#include "codec/latent.h"
#include "codec/pixels.h"
#include "codec/upsample.h"

namespace saliency_jpeg::codec {
namespace {

// A file to levels ----------------------------------------------------------------------------------------------------

constexpr uint64_t kDefaultMaxPixels = 178956970;  // DEFAULT_MAX_PIXELS of saliency_jpeg/metadata/limits.py

struct JpegImage {
  std::pair<int, int> size;
  std::vector<Array<int16_t>> levels;
  Array<uint16_t> tables;
  std::vector<int> component_tables, component_ids;
  std::vector<std::pair<int, int>> sampling;
  bool progressive = false;
  int restart_interval = 0;
  std::vector<std::pair<int, py::bytes>> segments;
  size_t end = 0, unread = 0;
};

// Hands the memory of the levels to a NumPy array.
Array<int16_t> release_to_array(ZeroedArray<int16_t>& levels, const LevelView& view) {
  int16_t* data = levels.get();
  const py::capsule owner(data, [](void* memory) { std::free(memory); });
  levels.release();
  return Array<int16_t>(ShapeVector{view.rows, view.cols, kBlockSize}, data, owner);
}

JpegImage make_image(JpegFile& file) {
  const Frame& frame = file.frame;
  JpegImage image;
  image.size = {frame.height, frame.width};
  image.tables = Array<uint16_t>(ShapeVector{static_cast<py::ssize_t>(frame.tables.size()), kBlockSize},
                                 frame.tables.data()->data());
  for (size_t c = 0; c < frame.components.size(); ++c) {
    const Component& component = frame.components[c];
    image.levels.push_back(release_to_array(file.levels[c], component.levels));
    image.component_tables.push_back(component.table);
    image.component_ids.push_back(component.id);
    image.sampling.emplace_back(component.h, component.v);
  }
  image.progressive = frame.progressive;
  image.restart_interval = frame.restart_interval;
  for (const Segment& s : frame.segments) image.segments.emplace_back(s.marker, py::bytes(s.payload));
  image.end = file.end;
  image.unread = file.unread;
  return image;
}

// The same file with other levels.
JpegImage with_levels(const JpegImage& image, const std::vector<Array<int16_t>>& levels) {
  require_equal(static_cast<long>(levels.size()), static_cast<long>(image.levels.size()), "the number of components");
  for (size_t c = 0; c < levels.size(); ++c) {
    const Array<int16_t>& own = image.levels[c];
    require_shape(levels[c], {own.shape(0), own.shape(1), kBlockSize}, "levels");
  }
  JpegImage result = image;
  result.levels = levels;
  return result;
}

JpegImage py_read_jpeg(const py::bytes& data, std::optional<uint64_t> max_pixels) {
  const std::string_view bytes(data);
  JpegFile file = without_gil([&] {
    return read_jpeg(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), max_pixels.value_or(UINT64_MAX));
  });
  return make_image(file);
}

// Turns FormatError into the InputError of the package.
void translate_format_error(std::exception_ptr error) {
  try {
    if (error) std::rethrow_exception(error);
  } catch (const FormatError& e) {
    py::set_error(py::module_::import("saliency_jpeg.errors").attr("InputError"), e.what());
  }
}

// What layers hold: high frequencies, a latent ------------------------------------------------------------------------

constexpr int kMostSide = 65535;

using LevelArrays = std::vector<Array<int16_t>>;

// Checks what both functions take.
void check_detail(const LevelArrays& levels, const std::vector<int>& firsts) {
  require_in(static_cast<long>(levels.size()), 1, kMaxComponents, "the number of components");
  require_equal(static_cast<long>(firsts.size()), static_cast<long>(levels.size()), "the number of firsts");
  for (int first : firsts) require_in(first, 1, kBlockSize, "a first coefficient");
}

py::bytes py_encode_detail(const LevelArrays& levels, const std::vector<int>& firsts) {
  std::vector<LevelView> views;
  for (const Array<int16_t>& component : levels) views.push_back(block_view(component, "levels"));
  check_detail(levels, firsts);
  return py::bytes(without_gil([&] { return encode_detail(views, firsts); }));
}

LevelArrays py_decode_detail(const std::string_view code, const LevelArrays& levels, const std::vector<int>& firsts) {
  LevelArrays out;
  std::vector<BlockView<int16_t>> views;
  for (const Array<int16_t>& component : levels) {
    const LevelView known = block_view(component, "levels");
    out.push_back(new_blocks<int16_t>(known.rows, known.cols));
    std::copy_n(known.data, known.count() * kBlockSize, out.back().mutable_data());
    views.push_back(mutable_block_view(out.back(), "levels"));
  }
  check_detail(levels, firsts);
  without_gil([&] { decode_detail(code, firsts, views); });
  return out;
}

void check_latent(const LatentShape& shape) {
  require_in(shape.channels, 1, kMostLatentChannels, "the number of channels");
  require(shape.rows > 0 && shape.cols > 0 && shape.rows <= kMostSide && shape.cols <= kMostSide,
          "a latent must have at least 1 row and column, and at most 65535");
}

py::bytes py_encode_latent(const Array<int8_t>& latent) {
  require_shape(latent, {kAnyLength, kAnyLength, kAnyLength}, "latent");
  const LatentShape shape{static_cast<int>(latent.shape(0)), static_cast<int>(latent.shape(1)),
                          static_cast<int>(latent.shape(2))};
  check_latent(shape);
  const int8_t* data = latent.data();
  for (py::ssize_t i = 0; i < latent.size(); ++i) require_in(data[i], -kMostLatent, kMostLatent, "an integer");
  return py::bytes(without_gil([&] { return encode_latent(data, shape); }));
}

Array<int8_t> py_decode_latent(const std::string_view code, const std::array<int, 3>& sides) {
  const LatentShape shape{sides[0], sides[1], sides[2]};
  check_latent(shape);
  Array<int8_t> out = new_array<int8_t>({sides[0], sides[1], sides[2]});
  int8_t* data = out.mutable_data();
  without_gil([&] { decode_latent(code, shape, data); });
  return out;
}

// Levels to samples and pixels ----------------------------------------------------------------------------------------

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
  py::register_local_exception_translator(&translate_format_error);
  py::class_<JpegImage>(m, "JpegImage")
      .def_readonly("size", &JpegImage::size)
      .def_readonly("levels", &JpegImage::levels)
      .def_readonly("tables", &JpegImage::tables)
      .def_readonly("component_tables", &JpegImage::component_tables)
      .def_readonly("component_ids", &JpegImage::component_ids)
      .def_readonly("sampling", &JpegImage::sampling)
      .def_readonly("progressive", &JpegImage::progressive)
      .def_readonly("restart_interval", &JpegImage::restart_interval)
      .def_readonly("segments", &JpegImage::segments)
      .def_readonly("end", &JpegImage::end)
      .def_readonly("unread", &JpegImage::unread)
      .def("with_levels", &with_levels, py::arg("levels").noconvert());
  m.def("read_jpeg", &py_read_jpeg, py::arg("data"), py::arg("max_pixels") = kDefaultMaxPixels);
  m.def("encode_detail", &py_encode_detail, py::arg("levels").noconvert(), py::arg("firsts"));
  m.def("decode_detail", &py_decode_detail, py::arg("code"), py::arg("levels").noconvert(), py::arg("firsts"));
  m.def("encode_latent", &py_encode_latent, py::arg("latent").noconvert());
  m.def("decode_latent", &py_decode_latent, py::arg("code"), py::arg("shape"));
  m.def("inverse_dct", &py_inverse_dct, py::arg("levels").noconvert(), py::arg("table").noconvert(),
        py::arg("clip") = false);
  m.def("correct_samples", &py_correct_samples, py::arg("levels").noconvert(), py::arg("table").noconvert(),
        py::arg("correction").noconvert(), py::arg("bounds").noconvert() = py::none());
  m.def("upsample", &py_upsample, py::arg("plane").noconvert(), py::arg("h"), py::arg("v"), py::arg("size"));
  m.def("to_pixels", &py_to_pixels, py::arg("planes").noconvert(), py::arg("factors"), py::arg("ycc"),
        py::arg("out").noconvert());
}

}  // namespace saliency_jpeg::codec
