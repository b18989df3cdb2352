// From the 108 norms of the error maps to the score.
#ifndef SALIENCY_JPEG_METRICS_SSIMULACRA2_WEIGHTS_H_
#define SALIENCY_JPEG_METRICS_SSIMULACRA2_WEIGHTS_H_

#include <vector>

namespace saliency_jpeg::metrics {

// Takes the norms in the order [component][scale][norm][map]. Where an image is too small for six scales the weights
// still count from the first one without a gap, as they do in the reference program.
double score_from_norms(const std::vector<double>& norms);

}  // namespace saliency_jpeg::metrics

#endif  // SALIENCY_JPEG_METRICS_SSIMULACRA2_WEIGHTS_H_
