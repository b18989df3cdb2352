// An array of zeros.  The system gives memory to a page when it is first written to.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace saliency_jpeg {

template <class T>
class ZeroedArray {
 public:
  ZeroedArray() = default;
  explicit ZeroedArray(size_t count) : data_(static_cast<T*>(std::calloc(count, sizeof(T)))) {
    if (!data_) throw std::bad_alloc();
  }

  T* get() const { return data_.get(); }
  T& operator[](size_t i) const { return data_.get()[i]; }

  // Hands the memory to the caller, who frees it with std::free().
  T* release() { return data_.release(); }

 private:
  struct Free {
    void operator()(T* data) const { std::free(data); }
  };
  std::unique_ptr<T, Free> data_;
};

}  // namespace saliency_jpeg
