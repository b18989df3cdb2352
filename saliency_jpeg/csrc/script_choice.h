// The progressive script that takes the fewest bits for given levels.
#pragma once

#include <vector>

#include "scans.h"

namespace jpegcore {

// Chooses for every component, among a few divisions of its AC coefficients into scans, the one with the fewest bits.
std::vector<Scan> choose_script(const Frame& frame, const std::vector<Masks>& masks);

}  // namespace jpegcore
