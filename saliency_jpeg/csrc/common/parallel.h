// Divides a piece of work among threads.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include "common/ceil_div.h"

namespace saliency_jpeg {

// Parts of a piece of work, which threads take in turn.
class Parts {
 public:
  explicit Parts(int count) : count_(count) {}

  // Calls work(part) for parts that nobody has taken until none is left.  `work` is not touched if none is left.
  void take(const std::function<void(int)>& work) {
    std::unique_lock<std::mutex> lock(mutex_);
    while (next_ < count_) {
      const int part = next_++;
      ++running_;
      lock.unlock();
      std::exception_ptr error;
      try {
        work(part);
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
      --running_;
      if (error) {
        error_ = error;
        next_ = count_;
      }
    }
    if (running_ == 0) done_.notify_all();
  }

  // Waits until no part is being worked on.  Rethrows an exception of a part.
  void wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return running_ == 0; });
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  int count_;
  int next_ = 0;
  int running_ = 0;
  std::exception_ptr error_;
};

// Calls work(begin, end) for consecutive parts of 0..count, each of `grain` items, in up to `threads` threads, the
// caller's among them.  The parts do not depend on the number of threads.  If calls throw, rethrows one exception after
// the last part has ended.
//
// The threads are detached: on a busy machine, one may start when all parts are done, and is not waited for.
template <class Work>
void parallel_for(int count, int grain, int threads, const Work& work) {
  const std::function<void(int)> run = [&](int part) { work(part * grain, std::min(count, (part + 1) * grain)); };
  const int parts = ceil_div(count, grain);
  if (std::min(threads, parts) <= 1) {
    for (int part = 0; part < parts; ++part) run(part);
    return;
  }
  const auto shared = std::make_shared<Parts>(parts);
  for (int i = 1; i < std::min(threads, parts); ++i) {
    try {
      std::thread([shared, &run] { shared->take(run); }).detach();
    } catch (const std::system_error&) {
      break;  // the system has no more threads: those that run do all the work
    }
  }
  shared->take(run);
  shared->wait();
}

// The number of rows in a part, so that a part of `columns` blocks a row is worth a thread.
inline int rows_in_part(int columns) {
  constexpr int kBlocksInPart = 2048;
  return std::max(1, kBlocksInPart / std::max(columns, 1));
}

}  // namespace saliency_jpeg
