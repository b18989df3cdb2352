// Bindings of the functions that code the detail that a file leaves out.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "codec/bindings.h"
#include "codec/detail.h"

namespace saliency_jpeg::codec {
namespace {

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

}  // namespace

void bind_detail(py::module_& m) {
  m.def("encode_detail", &py_encode_detail, py::arg("levels").noconvert(), py::arg("firsts"));
  m.def("decode_detail", &py_decode_detail, py::arg("code"), py::arg("levels").noconvert(), py::arg("firsts"));
}

}  // namespace saliency_jpeg::codec
