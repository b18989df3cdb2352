// The module _metrics.  _metrics.pyi has the documentation of its functions.
#include "common/bindings.h"

#include <memory>
#include <utility>
#include <vector>

#include "metrics/butteraugli.h"
#include "metrics/luma.h"
#include "metrics/ms_ssim.h"
#include "metrics/psnr_hvsm.h"
#include "metrics/ssimulacra2.h"
#include "metrics/ssimulacra2_weights.h"

namespace saliency_jpeg::metrics {
namespace {

using Rgb = Array<uint8_t>;

void require_min_side(const ImageView& image, int side) {
  require(image.height >= side && image.width >= side, "the image is too small for this metric");
}

void require_same_size(const Shape& a, const Shape& b) {
  require(a == b, "the sizes of the reference and the distorted image must be equal");
}

Shape shape_of(const ImageView& image) { return {image.height, image.width}; }

std::unique_ptr<Ssimulacra2> make_ssimulacra2(const Rgb& reference, bool portable) {
  const ImageView view = rgb_view(reference, "reference");
  require_min_side(view, kMinSide);
  const Kernels& kernels = portable ? portable_kernels() : best_kernels();
  return without_gil([&] { return std::make_unique<Ssimulacra2>(view, kernels); });
}

ImageView distorted_view(const Ssimulacra2& metric, const Rgb& distorted) {
  const ImageView view = rgb_view(distorted, "distorted");
  require_same_size(metric.shape(), shape_of(view));
  return view;
}

double py_score(const Ssimulacra2& metric, const Rgb& distorted) {
  const ImageView view = distorted_view(metric, distorted);
  return without_gil([&] { return metric.score(view); });
}

std::vector<double> py_norms(const Ssimulacra2& metric, const Rgb& distorted) {
  const ImageView view = distorted_view(metric, distorted);
  return without_gil([&] { return metric.norms(view); });
}

std::pair<int, int> py_size(const Ssimulacra2& metric) { return {metric.shape().height, metric.shape().width}; }

Array<double> py_luma(const Rgb& rgb) {
  const ImageView view = rgb_view(rgb, "rgb");
  Array<double> luma = new_array<double>({view.height, view.width});
  double* out = luma.mutable_data();
  without_gil([&] { luma_from_srgb(view, out); });
  return luma;
}

std::pair<ImageView, ImageView> view_pair(const Rgb& reference, const Rgb& distorted, int min_side) {
  const std::pair<ImageView, ImageView> views{rgb_view(reference, "reference"), rgb_view(distorted, "distorted")};
  require_same_size(shape_of(views.first), shape_of(views.second));
  require_min_side(views.first, min_side);
  return views;
}

double py_ms_ssim(const Rgb& reference, const Rgb& distorted) {
  const auto [a, b] = view_pair(reference, distorted, kMsSsimMinSide);
  return without_gil([a = a, b = b] { return ms_ssim(luma_from_srgb(a), luma_from_srgb(b)); });
}

Array<double> py_masked_block_errors(const Rgb& reference, const Rgb& distorted) {
  const auto [a, b] = view_pair(reference, distorted, kHvsmBlockSide);
  Array<double> errors = new_array<double>({a.height / kHvsmBlockSide, a.width / kHvsmBlockSide});
  double* out = errors.mutable_data();
  without_gil([a = a, b = b, out] { masked_block_errors(luma_from_srgb(a), luma_from_srgb(b), out); });
  return errors;
}

using Samples = Array<float>;  // (H, W, 3)

template <class Metric>
const float* samples_of(const Metric& metric, const Samples& distorted) {
  require_shape(distorted, {metric.shape().height, metric.shape().width, 3}, "distorted");
  return distorted.data();
}

template <class Metric>
py::tuple py_gradient(const Metric& metric, const Samples& distorted, int threads) {
  const float* const samples = samples_of(metric, distorted);
  Samples gradient = new_array<float>({metric.shape().height, metric.shape().width, 3});
  float* const out = gradient.mutable_data();
  const double value = without_gil([&] { return metric.gradient(samples, threads, out); });
  return py::make_tuple(value, gradient);
}

std::unique_ptr<Butteraugli> make_butteraugli(const Rgb& reference) {
  const ImageView view = rgb_view(reference, "reference");
  return without_gil([&] { return std::make_unique<Butteraugli>(view); });
}

std::pair<double, double> py_butteraugli(const Butteraugli& metric, const Samples& distorted, int threads) {
  const float* const samples = samples_of(metric, distorted);
  const ButteraugliScore score = without_gil([&] { return metric.score(samples, threads); });
  return {score.maximum, score.norm3};
}

void bind(py::module_& m) {
  m.doc() = "Compiled metrics: SSIMULACRA2, MS-SSIM, and the block errors of PSNR-HVS-M.";
  py::class_<Ssimulacra2>(m, "Ssimulacra2")
      .def(py::init(&make_ssimulacra2), py::arg("reference").noconvert(), py::arg("portable") = false)
      .def_property_readonly("size", &py_size)
      .def("score", &py_score, py::arg("distorted").noconvert())
      .def("norms", &py_norms, py::arg("distorted").noconvert())
      .def("gradient", &py_gradient<Ssimulacra2>, py::arg("distorted").noconvert(), py::arg("threads") = 1);
  py::class_<Butteraugli>(m, "Butteraugli")
      .def(py::init(&make_butteraugli), py::arg("reference").noconvert())
      .def("score", &py_butteraugli, py::arg("distorted").noconvert(), py::arg("threads") = 1)
      .def("gradient", &py_gradient<Butteraugli>, py::arg("distorted").noconvert(), py::arg("threads") = 1);
  m.attr("MS_SSIM_MIN_SIDE") = kMsSsimMinSide;
  m.attr("SSIMULACRA2_WEIGHTS") = py::tuple(py::cast(score_weights()));
  m.def("luma", &py_luma, py::arg("rgb").noconvert());
  m.def("ms_ssim", &py_ms_ssim, py::arg("reference").noconvert(), py::arg("distorted").noconvert());
  m.def("masked_block_errors", &py_masked_block_errors, py::arg("reference").noconvert(),
        py::arg("distorted").noconvert());
}

}  // namespace
}  // namespace saliency_jpeg::metrics

PYBIND11_MODULE(_metrics, m) { saliency_jpeg::metrics::bind(m); }
