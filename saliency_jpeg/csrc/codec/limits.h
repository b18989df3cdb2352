// The limits of T.81, each with its clause.  Where T.81 allows several kinds of files, the limits are those of 8-bit
// samples and Huffman coding, the only kind that this codec reads and writes.
#pragma once

namespace saliency_jpeg::codec {

constexpr int kBlockSize = 64;  // coefficients in a DCT block of 8x8 samples, A.1.3
constexpr int kLastCoefficient = kBlockSize - 1;

// Marker segments.  The length has two bytes and counts itself: B.1.1.4.
constexpr int kMaxPayload = 65535 - 2;
constexpr int kMaxRestartInterval = 65535;  // Ri, B.2.4.4

// Frame header: B.2.2, table B.2.
constexpr int kPrecision = 8;          // P
constexpr int kMaxDimension = 65535;   // Y, X
constexpr int kMaxComponents = 4;      // Nf; more are legal in a sequential frame, but not supported
constexpr int kMaxComponentId = 255;   // C
constexpr int kMaxSamplingFactor = 4;  // H, V
constexpr int kQuantTableSlots = 4;    // Tq

// Quantization tables: B.2.4.1, table B.4.
constexpr int kMaxNarrowStep = 255;  // Q, where Pq = 0: one byte a step
constexpr int kMaxStep = 65535;      // Q, where Pq = 1: two bytes a step

// Huffman tables: B.2.4.2, table B.5.
constexpr int kHuffmanTableSlots = 4;          // Th, of each class
constexpr int kBaselineHuffmanTableSlots = 2;  // Th in a baseline file
constexpr int kMaxCodeLength = 16;             // C.2
constexpr int kMaxSymbols = 256;

// Scan header: B.2.3, table B.3.  progression.h has the rules for more than one scan.
constexpr int kMaxMcuBlocks = 10;         // sum of H * V over the components of an interleaved scan
constexpr int kMaxPointTransform = 13;    // Ah, Al
constexpr int kMaxDcPointTransform = 10;  // of files that are written: -1 at 11 is no level before it is refined
constexpr int kMaxScans = 256;            // not of T.81; encoders write far fewer.  jpeg_reader.cc has further limits

// Levels: F.1.2.1.1 and F.1.2.2.1, tables F.1 and F.2.
constexpr int kMinDcLevel = -1024;
constexpr int kMaxDcLevel = 1023;
constexpr int kMaxAcLevel = 1023;   // of either sign
constexpr int kMaxDcCategory = 11;  // bits of a DC difference
constexpr int kMaxAcCategory = 10;  // bits of an AC level
constexpr int kMaxZeroRun = 15;     // zeros in front of a level, in one symbol
constexpr int kMaxEobRun = 0x7FFF;  // blocks in an end-of-band run, G.1.2.2

}  // namespace saliency_jpeg::codec
