// Bindings of the functions that code what layers hold: the detail that a file leaves out, and a latent.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "codec/bindings.h"
#include "codec/detail.h"
#include "codec/latent.h"

namespace saliency_jpeg::codec {
namespace {

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

}  // namespace

void bind_detail(py::module_& m) {
  m.def("encode_detail", &py_encode_detail, py::arg("levels").noconvert(), py::arg("firsts"));
  m.def("decode_detail", &py_decode_detail, py::arg("code"), py::arg("levels").noconvert(), py::arg("firsts"));
  m.def("encode_latent", &py_encode_latent, py::arg("latent").noconvert());
  m.def("decode_latent", &py_decode_latent, py::arg("code"), py::arg("shape"));
}

}  // namespace saliency_jpeg::codec
