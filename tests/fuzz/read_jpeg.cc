// Fuzz target: the reader takes any bytes.  It refuses them with FormatError, or the levels that it gives can be
// written in both modes and read again.
#include "codec/jpeg_reader.h"
#include "codec/jpeg_writer.h"
#include "fuzz.h"

namespace {

using namespace saliency_jpeg::codec;

constexpr uint64_t kMaxPixels = 1u << 24;  // the reader bounds its work by this and by the length of the file
constexpr size_t kMaxBlocks = 2048;        // that are written again, to keep the target fast

size_t count_blocks(const Frame& frame) {
  size_t blocks = 0;
  for (const Component& c : frame.components) blocks += c.levels.count();
  return blocks;
}

void rewrite(Frame frame) {
  for (bool progressive : {false, true}) {
    frame.progressive = progressive;
    const std::string jpeg = write_jpeg(frame, {});
    const JpegFile file = read_jpeg(reinterpret_cast<const uint8_t*>(jpeg.data()), jpeg.size());
    fuzz::check(file.end == jpeg.size(), "the file ends with EOI");
    fuzz::check(file.unread == 0, "nothing is written that no block needs");
    fuzz::check(fuzz::same_levels(file.frame, frame), "levels are read as they were written");
    fuzz::check(fuzz::same_segments(file.frame, frame), "segments are read as they were written");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const JpegFile file = read_jpeg(data, size, kMaxPixels);
    fuzz::check(file.end <= size, "the end lies inside the file");
    fuzz::check(file.unread <= size, "what no block needs is not longer than the file");
    if (count_blocks(file.frame) <= kMaxBlocks) rewrite(file.frame);
  } catch (const FormatError&) {
  }
  return 0;
}
