// Detail: the levels of high frequencies, which a file leaves out for a layer that codes them in fewer bits.
//
// What is known of a block, its levels of low frequencies and all of its neighbours, tells the probability of each
// decision: whether a level other than 0 follows, whether this level is one, its sign, its size.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codec/types.h"

namespace saliency_jpeg::codec {

// Codes the levels of the components from `firsts` on in zigzag order, each 1 to 64; those before are known to the
// decoder.
std::string encode_detail(const std::vector<LevelView>& levels, const std::vector<int>& firsts);

// Decodes them into `levels`, which hold the levels before.  Any bytes are a code of something.
void decode_detail(std::string_view code, const std::vector<int>& firsts,
                   const std::vector<BlockView<int16_t>>& levels);

}  // namespace saliency_jpeg::codec
