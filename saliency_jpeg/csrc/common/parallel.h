// Divides a piece of work among threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "common/ceil_div.h"

namespace saliency_jpeg {

// Calls work(begin, end) for consecutive parts of 0..count, each of `grain` items, in up to `threads` threads, the
// caller's among them.  The parts do not depend on the number of threads.  If calls throw, rethrows one exception after
// all threads have ended.
template <class Work>
void parallel_for(int count, int grain, int threads, const Work& work) {
  const int parts = ceil_div(count, grain);
  std::atomic<int> next{0};
  std::exception_ptr error;
  std::mutex guard;
  const auto take_parts = [&] {
    try {
      for (int part = next++; part < parts; part = next++) {
        work(part * grain, std::min(count, (part + 1) * grain));
      }
    } catch (...) {
      const std::lock_guard<std::mutex> lock(guard);
      error = std::current_exception();
      next = parts;
    }
  };
  std::vector<std::thread> helpers;
  for (int i = 1; i < std::min(threads, parts); ++i) {
    try {
      helpers.emplace_back(take_parts);
    } catch (const std::system_error&) {
      break;  // the system has no more threads: those that run do all the work
    }
  }
  take_parts();
  for (std::thread& helper : helpers) helper.join();
  if (error) std::rethrow_exception(error);
}

// The number of rows in a part, so that a part of `columns` blocks a row is worth a thread.
inline int rows_in_part(int columns) {
  constexpr int kBlocksInPart = 2048;
  return std::max(1, kBlocksInPart / std::max(columns, 1));
}

}  // namespace saliency_jpeg
