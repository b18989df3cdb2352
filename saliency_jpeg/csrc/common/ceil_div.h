#pragma once

namespace saliency_jpeg {

// Returns a / b rounded up, for a >= 0 and b > 0.
constexpr int ceil_div(int a, int b) { return (a + b - 1) / b; }

}  // namespace saliency_jpeg
