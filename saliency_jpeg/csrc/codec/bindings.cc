// The module _core.  _core.pyi has the documentation of its functions.
#include "codec/bindings.h"

#include <vector>

#include "codec/constants.h"

PYBIND11_MODULE(_core, m) {
  using namespace saliency_jpeg::codec;
  m.doc() = "The compiled codec: DCT, quantization, entropy coding (ITU-T T.81), and reading levels from a file.";
  m.attr("ZIGZAG") = pybind11::tuple(pybind11::cast(std::vector<int>(kZigzag.begin(), kZigzag.end())));
  bind_transform(m);
  bind_quantize(m);
  bind_statistics(m);
  bind_write(m);
  bind_read(m);
  bind_decode(m);
  bind_detail(m);
}
