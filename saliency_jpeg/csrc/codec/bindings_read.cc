// Binding of the reader.
#include <cstdlib>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/bindings.h"
#include "codec/jpeg_reader.h"

namespace saliency_jpeg::codec {
namespace {

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

}  // namespace

void bind_read(py::module_& m) {
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
}

}  // namespace saliency_jpeg::codec
