// Gives stored inputs to a fuzz target, without libFuzzer.
//
//     replay FILE...      a fault ends the process; else prints the number of inputs
#include <fstream>
#include <iterator>
#include <vector>

#include "fuzz.h"

int main(int count, char** arguments) {
  for (int i = 1; i < count; ++i) {
    std::ifstream file(arguments[i], std::ios::binary);
    fuzz::check(file.good(), "the file can be opened");
    // Memory that ends with the data, so that the sanitizer sees a read past the end.
    const std::vector<uint8_t> data(std::istreambuf_iterator<char>(file), {});
    std::fprintf(stderr, "%s\n", arguments[i]);
    LLVMFuzzerTestOneInput(data.data(), data.size());
  }
  std::printf("%d inputs\n", count - 1);
}
