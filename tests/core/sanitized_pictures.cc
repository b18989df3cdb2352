// The metrics and the functions on pictures, for sanitized.cc.
#include <algorithm>
#include <cmath>
#include <vector>

#include "common/image_view.h"
#include "image/regions.h"
#include "image/resize.h"
#include "metrics/butteraugli.h"
#include "metrics/luma.h"
#include "metrics/ms_ssim.h"
#include "metrics/psnr_hvsm.h"
#include "metrics/ssimulacra2.h"
#include "sanitized.h"

namespace saliency_jpeg {
namespace {

// Values out of the range have the derivative 0, and the number of threads changes nothing.
template <class Metric>
void differentiate(const Metric& metric, const std::vector<uint8_t>& pixels) {
  std::vector<float> values(pixels.begin(), pixels.end()), once(values.size(), 1.0f), again(values.size(), 2.0f);
  values.front() = -7.0f;
  values.back() = 1e9f;
  const double score = metric.gradient(values.data(), 1, once.data());
  check(std::isfinite(score) && once.front() == 0.0f && once.back() == 0.0f, "values out of the range are clipped");
  check(std::all_of(once.begin(), once.end(), [](float v) { return std::isfinite(v); }), "derivatives are finite");
  check(metric.gradient(values.data(), 3, again.data()) == score && once == again, "threads share the work alike");
}

void compare(Random& random, int height, int width) {
  const std::vector<uint8_t> a = make_pixels(random, height, width, 3), b = make_pixels(random, height, width, 3);
  const ImageView reference{a.data(), height, width, 3}, distorted{b.data(), height, width, 3};
  for (const metrics::Kernels* kernels : {&metrics::portable_kernels(), &metrics::best_kernels()}) {
    const metrics::Ssimulacra2 metric(reference, *kernels);
    check(metric.score(reference) == 100.0, "an image is identical to itself");
    check(metric.score(distorted) < 100.0, "another image is not");
    differentiate(metric, b);
  }
  differentiate(metrics::Butteraugli(reference), b);
  const metrics::LumaImage x = metrics::luma_from_srgb(reference), y = metrics::luma_from_srgb(distorted);
  std::vector<double> errors(static_cast<size_t>(height / 8) * (width / 8));
  metrics::masked_block_errors(x, y, errors.data());
  check(std::all_of(errors.begin(), errors.end(), [](double e) { return e >= 0.0; }), "errors are not negative");
  if (std::min(height, width) >= metrics::kMsSsimMinSide) check(metrics::ms_ssim(x, y) < 1.0, "MS-SSIM sees a change");
}

}  // namespace

void compare_all(Random& random) {
  const int sizes[][2] = {{8, 8}, {9, 70}, {70, 9}, {16, 16}, {17, 15}, {33, 64}, {176, 176}, {177, 193}};
  for (const auto& [height, width] : sizes) compare(random, height, width);
}

void resize_all(Random& random) {
  for (int round = 0; round < 60; ++round) {
    const int height = 1 + random.below(40), width = 1 + random.below(40), channels = round % 2 ? 3 : 1;
    std::vector<uint8_t> pixels(static_cast<size_t>(height) * width * channels);
    for (uint8_t& sample : pixels) sample = static_cast<uint8_t>(random.below(256));
    const ImageView view{pixels.data(), height, width, channels};
    const int rows = 1 + random.below(height), cols = 1 + random.below(width);
    std::vector<uint8_t> out(static_cast<size_t>(4 * height) * 3 * width * channels);
    image::resize_area(view, rows, cols, out.data());
    image::resize_linear(view, 4 * height, 3 * width, out.data());
    for (int divisor : {2, 4}) image::mean_of_four(view, divisor, height % divisor, width % divisor, out.data());
    if (channels == 3) continue;
    std::vector<float> table(256, 1.0f), map(static_cast<size_t>(4 * height) * 3 * width);
    image::enlarge_exact(view, 4 * height, 3 * width, table.data(), map.data());
    check(map.front() == 1.0f && map.back() == 1.0f, "a map is enlarged");
    std::vector<int32_t> labels(view.pixels());
    check(image::label_parts(view, labels.data()) >= 0, "parts are numbered");
    image::distance_to_zero(view, map.data());
  }
}

}  // namespace saliency_jpeg
