// The only file of the codec that knows Python: arrays in, arrays out, the GIL released in between.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdlib>
#include <string_view>

#include "codec/compensation.h"
#include "codec/constants.h"
#include "codec/huffman.h"
#include "codec/jpeg_reader.h"
#include "codec/jpeg_writer.h"
#include "codec/overshoot.h"
#include "codec/quantize.h"
#include "codec/quantize_dc.h"
#include "codec/scans.h"
#include "codec/statistics.h"
#include "codec/transform.h"

namespace py = pybind11;

namespace {

using namespace jpegcore;

template <class T>
using Array = py::array_t<T, py::array::c_style>;

void require(bool condition, const std::string& what) {
  if (!condition) throw py::value_error(what);
}

template <class T>
BlockView<const T> blocks(const Array<T>& array) {
  require(array.ndim() == 3 && array.shape(2) == kBlockSize, "blocks must have shape (rows, cols, 64)");
  return {array.data(), static_cast<int>(array.shape(0)), static_cast<int>(array.shape(1))};
}

template <class T>
Array<T> new_blocks(int rows, int cols) {
  return Array<T>(std::vector<py::ssize_t>{rows, cols, kBlockSize});
}

template <class T>
BlockView<T> mutable_blocks(Array<T>& array) {
  return {array.mutable_data(), static_cast<int>(array.shape(0)), static_cast<int>(array.shape(1))};
}

template <class T>
const T* vector_of(const Array<T>& array, py::ssize_t size, const char* name) {
  require(array.ndim() == 1 && array.shape(0) == size,
          std::string(name) + " must have shape (" + std::to_string(size) + ",)");
  return array.data();
}

void check_table(const uint16_t* table) {
  for (int i = 0; i < kBlockSize; ++i) require(table[i] >= 1, "quantization steps must be at least 1");
}

// ---- step 5 --------------------------------------------------------------------------------------------------------

std::vector<Array<float>> py_forward_dct(const Array<uint8_t>& image, int h, int v) {
  const bool gray = image.ndim() == 2;
  require(gray || (image.ndim() == 3 && image.shape(2) == 3), "the image must have shape (H, W) or (H, W, 3)");
  require(h >= 1 && h <= 4 && v >= 1 && v <= 4, "sampling factors must lie in 1..4");
  for (int axis : {0, 1}) {
    require(image.shape(axis) >= 1 && image.shape(axis) <= kMaxDimension, "height and width must lie in 1..65535");
  }
  const ImageView view{image.data(), static_cast<int>(image.shape(0)), static_cast<int>(image.shape(1)), gray ? 1 : 3};
  if (gray) h = v = 1;
  std::vector<Array<float>> arrays;
  std::vector<BlockView<float>> views;
  for (int c = 0; c < view.channels; ++c) {
    arrays.push_back(
        new_blocks<float>(blocks_along(view.height, c == 0 ? v : 1, v), blocks_along(view.width, c == 0 ? h : 1, h)));
    views.push_back(mutable_blocks(arrays.back()));
  }
  py::gil_scoped_release release;
  forward_dct(view, h, v, views.data());
  return arrays;
}

// ---- step 6 --------------------------------------------------------------------------------------------------------

Array<float> py_compensated_luma(const Array<uint8_t>& image, const std::vector<Array<int16_t>>& levels,
                                 const Array<uint16_t>& tables, int h, int v, float strength) {
  require(image.ndim() == 3 && image.shape(2) == 3, "the image must have shape (H, W, 3)");
  require(h >= 1 && h <= 4 && v >= 1 && v <= 4, "sampling factors must lie in 1..4");
  require(levels.size() == 2, "levels must be those of Cb and Cr");
  require(tables.ndim() == 2 && tables.shape(0) == 2 && tables.shape(1) == kBlockSize,
          "tables must have shape (2, 64)");
  for (int axis : {0, 1}) {
    require(image.shape(axis) >= 1 && image.shape(axis) <= kMaxDimension, "height and width must lie in 1..65535");
  }
  const ImageView view{image.data(), static_cast<int>(image.shape(0)), static_cast<int>(image.shape(1)), 3};
  CodedChroma chroma{{blocks(levels[0]), blocks(levels[1])}, {tables.data(), tables.data() + kBlockSize}, h, v};
  for (const LevelView& component : chroma.levels) {
    require(component.rows == blocks_along(view.height, 1, v) && component.cols == blocks_along(view.width, 1, h),
            "levels must have the size of the subsampled chroma");
  }
  Array<float> luma = new_blocks<float>(blocks_along(view.height, v, v), blocks_along(view.width, h, h));
  const BlockView<float> out = mutable_blocks(luma);
  py::gil_scoped_release release;
  compensated_luma(view, chroma, strength, out);
  return luma;
}

Array<uint32_t> py_clipped_blocks(const Array<float>& coefficients) {
  const CoefficientView view = blocks(coefficients);
  std::vector<uint32_t> found;
  {
    py::gil_scoped_release release;
    found = clipped_blocks(view);
  }
  return Array<uint32_t>(static_cast<py::ssize_t>(found.size()), found.data());
}

void py_overshoot(const Array<float>& coefficients, const Array<uint16_t>& table, const Array<uint32_t>& indices,
                  Array<float>& out) {
  const CoefficientView view = blocks(coefficients);
  const CoefficientView shape = blocks(out);
  require(shape.rows == view.rows && shape.cols == view.cols, "out must have the shape of the coefficients");
  const uint16_t* steps = vector_of(table, kBlockSize, "table");
  check_table(steps);
  require(indices.ndim() == 1, "blocks must have shape (n,)");
  const std::vector<uint32_t> moved(indices.data(), indices.data() + indices.size());
  for (uint32_t i : moved) require(i < view.count(), "blocks must lie inside the image");
  const BlockView<float> to = mutable_blocks(out);
  py::gil_scoped_release release;
  overshoot(view, steps, moved, to);
}

Array<int16_t> py_quantize_plain(const Array<float>& coefficients, const Array<uint16_t>& table) {
  const CoefficientView view = blocks(coefficients);
  QuantizeRule rule;
  rule.table = vector_of(table, kBlockSize, "table");
  check_table(rule.table);
  Array<int16_t> levels = new_blocks<int16_t>(view.rows, view.cols);
  const BlockView<int16_t> out = mutable_blocks(levels);
  {
    py::gil_scoped_release release;
    quantize_plain(view, rule, nullptr, out);
  }
  return levels;
}

// The bands that rows of `prices` (n, 257) belong to.
std::vector<PricedBand> priced_bands(const Array<float>& prices, const std::vector<std::pair<int, int>>& bands) {
  require(prices.ndim() == 2 && prices.shape(1) == 257 && prices.shape(0) == static_cast<py::ssize_t>(bands.size()),
          "prices must have shape (bands, 257)");
  std::vector<PricedBand> priced;
  int next = 1;
  for (const auto& [ss, se] : bands) {
    require(ss == next && se >= ss && se <= 63, "bands must follow each other from 1 to 63");
    priced.push_back({{ss, se}, prices.data(static_cast<py::ssize_t>(priced.size()))});
    next = se + 1;
  }
  require(next == 64, "bands must follow each other from 1 to 63");
  return priced;
}

Array<int16_t> py_quantize(const Array<float>& coefficients, const Array<uint16_t>& table,
                           const Array<float>& block_lambda, const Array<float>& prices,
                           const Array<float>& sensitivity, const std::vector<std::pair<int, int>>& bands) {
  const CoefficientView view = blocks(coefficients);
  require(block_lambda.ndim() == 2 && block_lambda.shape(0) == view.rows && block_lambda.shape(1) == view.cols,
          "block_lambda must have shape (rows, cols)");
  const QuantizeRule rule{vector_of(table, kBlockSize, "table"), priced_bands(prices, bands),
                          vector_of(sensitivity, kBlockSize, "sensitivity")};
  check_table(rule.table);
  Array<int16_t> levels = new_blocks<int16_t>(view.rows, view.cols);
  const BlockView<int16_t> out = mutable_blocks(levels);
  const float* lambda = block_lambda.data();
  {
    py::gil_scoped_release release;
    quantize_trellis(view, rule, lambda, out);
  }
  return levels;
}

void py_quantize_dc(const Array<float>& coefficients, int step, float sensitivity, const Array<float>& block_lambda,
                    const Array<float>& prices, Array<int16_t>& levels) {
  const CoefficientView view = blocks(coefficients);
  const LevelView shape = blocks(levels);
  require(shape.rows == view.rows && shape.cols == view.cols, "levels must have the shape of the coefficients");
  require(block_lambda.ndim() == 2 && block_lambda.shape(0) == view.rows && block_lambda.shape(1) == view.cols,
          "block_lambda must have shape (rows, cols)");
  require(step >= 1 && step <= 65535, "quantization steps must be at least 1");
  const DcRule rule{static_cast<uint16_t>(step), sensitivity, vector_of(prices, 12, "prices")};
  const BlockView<int16_t> out = mutable_blocks(levels);
  const float* lambda = block_lambda.data();
  py::gil_scoped_release release;
  quantize_dc(view, rule, lambda, out);
}

py::tuple py_best_bands(const std::vector<Array<int16_t>>& components, size_t choice_blocks) {
  std::vector<LevelView> views;
  for (const Array<int16_t>& levels : components) views.push_back(blocks(levels));
  BandStatistics found;
  {
    py::gil_scoped_release release;
    found = best_bands(views, choice_blocks);
  }
  std::vector<std::pair<int, int>> bands;
  for (Band band : found.bands) bands.emplace_back(band.ss, band.se);
  Array<uint32_t> histograms(std::vector<py::ssize_t>{static_cast<py::ssize_t>(bands.size()), 257});
  for (size_t i = 0; i < bands.size(); ++i) {
    std::copy(found.histograms[i].begin(), found.histograms[i].end(),
              histograms.mutable_data(static_cast<py::ssize_t>(i)));
  }
  return py::make_tuple(bands, histograms);
}

Array<uint32_t> py_ac_histogram(const Array<int16_t>& levels, bool eob_runs, int ss, int se) {
  const LevelView view = blocks(levels);
  require(1 <= ss && ss <= se && se <= 63, "a band must lie within 1 to 63");
  AcHistogram histogram;
  {
    py::gil_scoped_release release;
    histogram = ac_histogram(view, eob_runs, {ss, se});
  }
  return Array<uint32_t>(static_cast<py::ssize_t>(histogram.size()), histogram.data());
}

Array<float> py_block_bits(const Array<int16_t>& levels, const Array<float>& prices) {
  const LevelView view = blocks(levels);
  const float* price = vector_of(prices, 257, "prices");
  Array<float> bits(std::vector<py::ssize_t>{view.rows, view.cols});
  float* out = bits.mutable_data();
  {
    py::gil_scoped_release release;
    block_bits(view, price, out);
  }
  return bits;
}

Array<uint8_t> py_code_lengths(const Array<uint32_t>& histogram) {
  Histogram counts;
  std::copy_n(vector_of(histogram, 256, "histogram"), 256, counts.begin());
  const CodeLengths lengths = optimal_code_lengths(counts);
  return Array<uint8_t>(256, lengths.data());
}

// ---- step 7 --------------------------------------------------------------------------------------------------------

using ScanTuple = std::tuple<std::vector<int>, int, int, int, int>;

void set_tables(Frame& frame, const Array<uint16_t>& tables) {
  require(tables.ndim() == 2 && tables.shape(1) == kBlockSize, "tables must have shape (n, 64)");
  for (py::ssize_t t = 0; t < tables.shape(0); ++t) {
    frame.tables.emplace_back();
    std::copy_n(tables.data(t), kBlockSize, frame.tables.back().begin());
  }
}

void set_components(Frame& frame, const std::vector<Array<int16_t>>& levels,
                    const std::vector<std::pair<int, int>>& sampling, const std::optional<std::vector<int>>& use,
                    const std::optional<std::vector<int>>& ids) {
  require(sampling.size() == levels.size() && (!use || use->size() == levels.size()) &&
              (!ids || ids->size() == levels.size()),
          "levels, sampling, component_tables and component_ids must have the same length");
  for (size_t c = 0; c < levels.size(); ++c) {
    const int fallback = static_cast<int>(std::min(c, frame.tables.size() - 1));
    frame.components.push_back({ids ? (*ids)[c] : static_cast<int>(c) + 1, sampling[c].first, sampling[c].second,
                                use ? (*use)[c] : fallback, blocks(levels[c])});
  }
}

std::vector<Scan> script_of(const std::optional<std::vector<ScanTuple>>& scans) {
  if (!scans) return {};
  require(!scans->empty(), "scans must not be empty");
  std::vector<Scan> script;
  for (const auto& [components, ss, se, ah, al] : *scans) script.push_back({components, ss, se, ah, al});
  return script;
}

py::bytes py_write_jpeg(const std::vector<Array<int16_t>>& levels, const Array<uint16_t>& tables,
                        std::pair<int, int> size, const std::vector<std::pair<int, int>>& sampling, bool progressive,
                        const std::optional<std::vector<ScanTuple>>& scans, int restart_interval,
                        const std::vector<std::pair<int, py::bytes>>& segments,
                        const std::optional<std::vector<int>>& component_tables,
                        const std::optional<std::vector<int>>& component_ids, size_t choice_blocks) {
  Frame frame;
  frame.height = size.first;
  frame.width = size.second;
  frame.progressive = progressive;
  frame.restart_interval = restart_interval;
  set_tables(frame, tables);
  set_components(frame, levels, sampling, component_tables, component_ids);
  for (const auto& [marker, payload] : segments) frame.segments.push_back({marker, std::string(payload)});
  const std::vector<Scan> script = script_of(scans);
  std::string jpeg;
  {
    py::gil_scoped_release release;
    jpeg = write_jpeg(frame, script, choice_blocks);
  }
  return py::bytes(jpeg);
}

// ---- a file's levels -----------------------------------------------------------------------------------------------

struct JpegImage {
  std::pair<int, int> size;
  std::vector<Array<int16_t>> levels;
  Array<uint16_t> tables;
  std::vector<int> component_tables, component_ids;
  std::vector<std::pair<int, int>> sampling;
  bool progressive = false;
  int restart_interval = 0;
  std::vector<std::pair<int, py::bytes>> segments;
  size_t end = 0;
};

// Hands the memory of the levels over to NumPy.
Array<int16_t> as_array(ZeroedArray<int16_t>& levels, const LevelView& view) {
  int16_t* data = levels.get();
  const py::capsule owner(data, [](void* memory) { std::free(memory); });
  levels.release();
  return Array<int16_t>(std::vector<py::ssize_t>{view.rows, view.cols, kBlockSize}, data, owner);
}

JpegImage py_read_jpeg(const py::bytes& data) {
  const std::string_view bytes(data);
  JpegFile file;
  {
    py::gil_scoped_release release;
    file = read_jpeg(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  }
  const Frame& frame = file.frame;
  JpegImage image;
  image.size = {frame.height, frame.width};
  image.tables = Array<uint16_t>(std::vector<py::ssize_t>{static_cast<py::ssize_t>(frame.tables.size()), kBlockSize},
                                 frame.tables.data()->data());
  for (size_t c = 0; c < frame.components.size(); ++c) {
    const Component& component = frame.components[c];
    image.levels.push_back(as_array(file.levels[c], component.levels));
    image.component_tables.push_back(component.table);
    image.component_ids.push_back(component.id);
    image.sampling.emplace_back(component.h, component.v);
  }
  image.progressive = frame.progressive;
  image.restart_interval = frame.restart_interval;
  for (const Segment& s : frame.segments) image.segments.emplace_back(s.marker, py::bytes(s.payload));
  image.end = file.end;
  return image;
}

void raise_input_error(std::exception_ptr error) {
  try {
    if (error) std::rethrow_exception(error);
  } catch (const FormatError& e) {
    py::set_error(py::module_::import("saliency_jpeg.errors").attr("InputError"), e.what());
  }
}

void bind_reader(py::module_& m) {
  py::register_local_exception_translator(&raise_input_error);
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
      .def_readonly("end", &JpegImage::end);
  m.def("read_jpeg", &py_read_jpeg, py::arg("data"));
}

}  // namespace

PYBIND11_MODULE(_core, m) {
  m.doc() = "Steps 5 to 7 of the encoder: DCT, quantization, entropy coding (ITU-T T.81).";
  m.attr("ZIGZAG") = py::tuple(py::cast(std::vector<int>(kZigzag.begin(), kZigzag.end())));
  m.def("forward_dct", &py_forward_dct, py::arg("image").noconvert(), py::arg("h") = 1, py::arg("v") = 1);
  m.def("compensated_luma", &py_compensated_luma, py::arg("image").noconvert(), py::arg("levels"),
        py::arg("tables").noconvert(), py::arg("h"), py::arg("v"), py::arg("strength"));
  m.def("clipped_blocks", &py_clipped_blocks, py::arg("coefficients").noconvert());
  m.def("overshoot", &py_overshoot, py::arg("coefficients").noconvert(), py::arg("table").noconvert(),
        py::arg("blocks").noconvert(), py::arg("out").noconvert());
  m.def("quantize_plain", &py_quantize_plain, py::arg("coefficients").noconvert(), py::arg("table").noconvert());
  m.def("quantize", &py_quantize, py::arg("coefficients").noconvert(), py::arg("table").noconvert(),
        py::arg("block_lambda").noconvert(), py::arg("prices").noconvert(), py::arg("sensitivity").noconvert(),
        py::arg("bands") = std::vector<std::pair<int, int>>{{1, 63}});
  m.def("best_bands", &py_best_bands, py::arg("levels"), py::arg("choice_blocks") = 0);
  m.def("quantize_dc", &py_quantize_dc, py::arg("coefficients").noconvert(), py::arg("step"), py::arg("sensitivity"),
        py::arg("block_lambda").noconvert(), py::arg("prices").noconvert(), py::arg("levels").noconvert());
  m.def("ac_histogram", &py_ac_histogram, py::arg("levels").noconvert(), py::arg("eob_runs") = false, py::arg("ss") = 1,
        py::arg("se") = 63);
  m.def("block_bits", &py_block_bits, py::arg("levels").noconvert(), py::arg("prices").noconvert());
  m.def("code_lengths", &py_code_lengths, py::arg("histogram").noconvert());
  m.def("write_jpeg", &py_write_jpeg, py::arg("levels").noconvert(), py::arg("tables").noconvert(), py::arg("size"),
        py::arg("sampling"), py::kw_only(), py::arg("progressive") = true, py::arg("scans") = py::none(),
        py::arg("restart_interval") = 0, py::arg("segments") = py::tuple(), py::arg("component_tables") = py::none(),
        py::arg("component_ids") = py::none(), py::arg("choice_blocks") = 0);
  bind_reader(m);
}
