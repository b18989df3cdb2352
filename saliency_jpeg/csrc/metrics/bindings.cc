#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "metrics/luma.h"
#include "metrics/ms_ssim.h"
#include "metrics/psnr_hvsm.h"
#include "metrics/ssimulacra2.h"

namespace py = pybind11;
namespace metrics = saliency_jpeg::metrics;

namespace {

using metrics::Ssimulacra2;
using Rgb = py::array_t<std::uint8_t, py::array::c_style>;
using Doubles = py::array_t<double>;

// The Python side words these errors for its users; these checks keep the memory safe whoever calls.
void check_rgb(const Rgb& rgb, int min_side = 1) {
  if (rgb.ndim() != 3 || rgb.shape(2) != 3)
    throw std::invalid_argument("expected an array of shape (height, width, 3)");
  if (rgb.shape(0) < min_side || rgb.shape(1) < min_side) throw std::invalid_argument("the image is too small");
}

void check_pair(const Rgb& a, const Rgb& b, int min_side) {
  check_rgb(a, min_side);
  check_rgb(b, min_side);
  if (a.shape(0) != b.shape(0) || a.shape(1) != b.shape(1)) throw std::invalid_argument("the images differ in size");
}

int height(const Rgb& rgb) { return static_cast<int>(rgb.shape(0)); }
int width(const Rgb& rgb) { return static_cast<int>(rgb.shape(1)); }

std::unique_ptr<Ssimulacra2> make_ssimulacra2(const Rgb& rgb, bool portable) {
  check_rgb(rgb, metrics::kMinSide);
  const metrics::Kernels& kernels = portable ? metrics::portable_kernels() : metrics::best_kernels();
  const std::uint8_t* data = rgb.data();
  const int rows = height(rgb), columns = width(rgb);
  py::gil_scoped_release release;
  return std::make_unique<Ssimulacra2>(data, rows, columns, kernels);
}

const std::uint8_t* same_size(const Ssimulacra2& metric, const Rgb& rgb) {
  check_rgb(rgb);
  if (!(metric.shape() == metrics::Shape{height(rgb), width(rgb)})) throw std::invalid_argument("the sizes differ");
  return rgb.data();
}

double score(const Ssimulacra2& metric, const Rgb& rgb) {
  const std::uint8_t* data = same_size(metric, rgb);
  py::gil_scoped_release release;
  return metric.score(data);
}

std::vector<double> norms(const Ssimulacra2& metric, const Rgb& rgb) {
  const std::uint8_t* data = same_size(metric, rgb);
  py::gil_scoped_release release;
  return metric.norms(data);
}

std::pair<int, int> size(const Ssimulacra2& metric) { return {metric.shape().height, metric.shape().width}; }

Doubles luma(const Rgb& rgb) {
  check_rgb(rgb);
  Doubles out({rgb.shape(0), rgb.shape(1)});
  metrics::luma_from_srgb(rgb.data(), static_cast<std::size_t>(out.size()), out.mutable_data());
  return out;
}

struct LumaPair {
  metrics::LumaImage reference, distorted;
};

// Holds the GIL only to look at the arrays.
LumaPair luma_pair(const Rgb& a, const Rgb& b, int min_side) {
  check_pair(a, b, min_side);
  const std::uint8_t *reference = a.data(), *distorted = b.data();
  const int rows = height(a), columns = width(a);
  py::gil_scoped_release release;
  return {metrics::luma_from_srgb(reference, rows, columns), metrics::luma_from_srgb(distorted, rows, columns)};
}

double ms_ssim(const Rgb& a, const Rgb& b) {
  LumaPair pair = luma_pair(a, b, metrics::kMsSsimMinSide);
  py::gil_scoped_release release;
  return metrics::ms_ssim(std::move(pair.reference), std::move(pair.distorted));
}

Doubles masked_block_errors(const Rgb& a, const Rgb& b) {
  const LumaPair pair = luma_pair(a, b, 8);
  Doubles out({a.shape(0) / 8, a.shape(1) / 8});
  double* errors = out.mutable_data();
  py::gil_scoped_release release;
  metrics::masked_block_errors(pair.reference, pair.distorted, errors);
  return out;
}

}  // namespace

PYBIND11_MODULE(_metrics, m) {
  py::class_<Ssimulacra2>(m, "Ssimulacra2")
      .def(py::init(&make_ssimulacra2), py::arg("reference").noconvert(), py::arg("portable") = false)
      .def_property_readonly("size", &size)
      .def("score", &score, py::arg("distorted").noconvert())
      .def("norms", &norms, py::arg("distorted").noconvert());
  m.attr("MS_SSIM_MIN_SIDE") = metrics::kMsSsimMinSide;
  m.def("luma", &luma, py::arg("rgb").noconvert());
  m.def("ms_ssim", &ms_ssim, py::arg("reference").noconvert(), py::arg("distorted").noconvert());
  m.def("masked_block_errors", &masked_block_errors, py::arg("reference").noconvert(),
        py::arg("distorted").noconvert());
}
